// SPDX-License-Identifier: Apache-2.0
// skopeo and umoci on a store that is being maintained.
#include <atomic>
#include <thread>

#include "store_fixture.hpp"
#include "support/programs.hpp"

#include <vmkit/oci/maintenance.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

struct ToolsFixture : StoreFixture {
  std::string tar;
  std::string tar2;

  TestImage real_image(const std::string& content, std::string& plain) {
    const TestBlob layer = tar_layer("hello", content, "gzip", plain);
    return TestImage::make("amd64", {layer}, {digest_of(plain)});
  }

  std::string at(const std::string& name) const { return root.string() + ":" + name; }

  void check_tools_read(const std::string& name, const std::string& expected) {
    const std::string inspected =
        run_program({"skopeo", "inspect", "--override-arch=amd64", "--raw", "oci:" + at(name)});
    CHECK(digest_of(inspected) == store.find(Reference::parse(name))->manifest.digest);
    const os::TemporaryDirectory bundle(folder.path(), "bundle");
    run_program(
        {"umoci", "unpack", "--rootless", "--image", at(name), (bundle.path() / "b").string()});
    CHECK(os::read_file(bundle.path() / "b/rootfs/hello", 1_KiB) == expected);
    const os::TemporaryDirectory copy(folder.path(), "copy");
    run_program({"skopeo", "copy", "--quiet", "oci:" + at(name), "dir:" + copy.path().string()});
  }
};

}  // namespace

TEST_CASE_FIXTURE(ToolsFixture, "tools: read the store while and after it is maintained") {
  if (!has_programs({"skopeo", "umoci", "tar", "gzip"})) return;
  image = real_image("one", tar);
  const TestImage other = real_image("two", tar2);
  tag("r.io/app:1");
  tag("r.io/app:2", other);

  std::atomic<bool> done{false};
  std::thread maintainer([&] {
    for (int i = 0; !done; ++i) {
      const auto extra = Reference::parse("r.io/extra:" + std::to_string(i));
      const TestImage garbage =
          TestImage::make("amd64", {noise_layer(1000, static_cast<unsigned>(i))});
      tag(extra.to_string(), garbage);
      store.rename(extra, Reference::parse("r.io/renamed:1"));
      store.remove(Reference::parse("r.io/renamed:1"));
      collect_garbage(store);
    }
  });
  check_tools_read("r.io/app:1", "one");
  done = true;
  maintainer.join();

  store.rename(Reference::parse("r.io/app:1"), Reference::parse("r.io/app:one"));
  store.remove(Reference::parse("r.io/app:2"));
  CHECK(collect_garbage(store).blobs.size() == 3);
  check_tools_read("r.io/app:one", "one");
  CHECK(run_tool({"skopeo", "inspect", "--raw", "oci:" + at("r.io/app:2")}).status != 0);
  CHECK(run_program({"umoci", "ls", "--layout", root.string()}) == "r.io/app:one\n");
}

TEST_CASE_FIXTURE(ToolsFixture, "tools: what they write into the store is found and collected") {
  if (!has_programs({"skopeo", "umoci", "tar", "gzip"})) return;
  image = real_image("one", tar);
  const os::TemporaryDirectory layout(folder.path(), "layout");
  write_layout(layout.path(), image.blobs(), image.manifest, "source");
  const std::string source = "oci:" + layout.path().string() + ":source";
  run_program({"skopeo", "copy", "--quiet", source, "oci:" + at("theirs")});
  const auto found = store.resolve("theirs", {"linux", "amd64"});
  REQUIRE(found);
  CHECK(verify(store).clean());
  CHECK(collect_garbage(store).blobs.empty());
  CHECK(store.remove(*store.find("theirs")));
  CHECK(collect_garbage(store).blobs.size() == 3);
  CHECK(verify(store).clean());
  run_program({"skopeo", "copy", "--quiet", source, "oci:" + at("again")});
  CHECK(store.find("again"));
}
