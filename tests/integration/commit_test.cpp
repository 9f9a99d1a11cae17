// SPDX-License-Identifier: Apache-2.0
// A machine writes, grows its file system, trims and is killed; its disk is read again, becomes an
// image, goes to a registry and comes back, and a machine runs from it.
#include <doctest/doctest.h>
#include <string>

#include "os/child_process.hpp"
#include "support/demo.hpp"
#include "support/image_tree.hpp"

#include <vmkit/container/commit.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/oci/push.hpp>

using namespace vmkit;
using namespace std::chrono_literals;
using container::Container;
using test::Demo;

namespace {

std::string output_of(Container& box, const std::string& script) {
  auto process = box.exec({.args = {"/bin/sh", "-c", "exec 2>&1; " + script}});
  std::string text;
  std::vector<std::byte> buffer(65536);
  while (const std::size_t count = process.stdout_source().read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  INFO(text);
  CHECK(process.wait(CallOptions{}.with_timeout(60s)) == agent::ExitStatus{0, 0});
  return text;
}

constexpr const char* changes =
    "cd /root && mknod disk b $(mountpoint -d / | tr : ' ') && resize2fs disk && rm disk && "
    "head -c 20000000 /dev/urandom >gone && sync && rm gone && sync && fstrim / && "
    "mkdir -p work/below && seq 1 20000 > work/numbers && ln work/numbers same && "
    "ln -s work/numbers symlink && rm -r /usr/share/perl && chmod 0700 /home && "
    "truncate -s 30M work/sparse && sync";
constexpr const char* sums =
    "cd /root && cksum work/numbers same symlink work/sparse && stat -c '%h %a %Y' same /home && "
    "ls -a /usr/share | cksum";

}  // namespace

TEST_CASE("commit: what a killed machine had written is in an image that runs") {
  Demo& demo = Demo::get();
  auto options = demo.container_options();
  options.isolation.privileged = true;  // to make a node of the disk and resize it
  auto store = options.store;
  auto first = Container::create(options);
  const auto disk = options.folder / "disk.ext4";
  ByteSize grown;
  {
    auto file = disk::ImageFile::open(disk, disk::ImageFile::Access::read_write);
    grown = file.size() + 512_MiB;
    file.resize(grown);
  }
  first.start();
  output_of(first, changes);
  const std::string expected = output_of(first, sums);
  first.kill();
  first.wait();
  {
    auto file = disk::ImageFile::open(disk, disk::ImageFile::Access::read_only);
    auto reader = ext4::Reader::open(file);
    CHECK(reader.info().size == grown);
    const auto numbers = reader.resolve("root/symlink");
    REQUIRE(numbers);
    CHECK(test::content_of(reader, *numbers).ends_with("\n19999\n20000\n"));
    CHECK(reader.stat(*numbers).links == 2);
    CHECK(!reader.resolve("/usr/share/perl"));
  }
  const std::string registry = demo.reference().substr(0, demo.reference().find('/'));
  const auto name = oci::Reference::parse(registry + "/committed:1");
  const auto committed = container::commit(store, options.image, disk, name);
  CHECK(committed.changes.removed > 0);
  CHECK(committed.changes.content < 2_MiB);
  oci::push(demo.client(), store, name, name);
  store.remove(name);
  const auto pulled = oci::pull(demo.client(), store, name);
  CHECK(pulled.manifest.layers.size() == options.image.manifest.layers.size() + 1);
  // Elsewhere is another process; what it changes in turn becomes the next image.
  const auto kernel = test::demo_kernel();
  const auto next = oci::Reference::parse(registry + "/committed:2");
  const os::Output second =
      os::run({.arguments = {VMKIT_PROGRAM, "run", "--rm", "--store", store.root().string(), "--kernel",
                             kernel.image.string(), "--modules", kernel.modules.string(),
                             "--plain-http", "--commit", next.to_string(), name.to_string(), "--",
                             "sh", "-c", std::string(sums) + "; rm /root/same"}},
              1_MiB, CallOptions{}.with_timeout(120s));
  CAPTURE(second.err);
  CHECK(second.out == expected);
  const auto made = store.resolve(next);
  REQUIRE(made);
  CHECK(made->manifest.layers.size() == pulled.manifest.layers.size() + 1);
  CHECK(made->config.history.back().created_by.find("vmkit run sh -c") == 0);
}
