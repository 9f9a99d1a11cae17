// SPDX-License-Identifier: Apache-2.0
// A layer put upon an image by a process that ends, or is refused something, at any of its system
// calls: the new name leads to the whole image or is not there, and nothing else is left.
#include "worker_fixture.hpp"

#include <vmkit/oci/add_layer.hpp>

using namespace vmkit;
using namespace vmkit::test;

namespace {

struct LayerCrashFixture : WorkerFixture {
  oci::Reference made = oci::Reference::parse("localhost/new:1");

  os::Output add(const std::string& fault, unsigned at) const {
    return run(
        worker({"layer", root.string(), reference().to_string(), fault, std::to_string(at)}));
  }

  /// Files of the layer on its way. Of the documents a partial one may stay, as of downloads.
  std::size_t spooled() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(root / "ingest")) {
      count += entry.path().filename().string().starts_with("import-") ? 1U : 0U;
    }
    return count;
  }

  void fail_at_each(const std::string& fault, int status) {
    CAPTURE(fault);
    bool was_missing = false;
    for (unsigned at = 1;; ++at) {
      CAPTURE(at);
      const os::Output output = add(fault, at);
      CAPTURE(output.out);
      oci::ImageStore store = check_sound();
      CHECK(spooled() == 0);
      const auto found = store.resolve(made, {"linux", "amd64"});
      if (found) CHECK(found->manifest.layers.size() == image.layers.size() + 1);
      if (!found) was_missing = true;
      if (output.status.success()) {
        CHECK(found);
        if (std::stoul(output.out.substr(3)) < at) break;
      } else {
        CHECK((output.status.signal != 0 || output.status.code == status));
      }
      store.remove(made);
      oci::collect_garbage(store);
      CHECK(store.resolve(reference(), {"linux", "amd64"}));
    }
    CHECK(was_missing);
  }
};

}  // namespace

TEST_CASE_FIXTURE(LayerCrashFixture, "crash: a layer added, killed or refused at each call") {
  oci::ImageStore store = oci::ImageStore::open(root);
  oci::pull(client, store, reference(), amd64);
  for (const char* fault : {"kill", "torn", "full_disk", "io_error"}) fail_at_each(fault, 3);
}
