// SPDX-License-Identifier: Apache-2.0
// A machine of the architecture that this host is not: emulated, with the agent that the library
// carries for it.
#include <doctest/doctest.h>
#include <string>

#include "support/demo.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_image.hpp"

#include <vmkit/container/container.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/ext4/reader.hpp>
#include <vmkit/vm/qemu_backend.hpp>

using namespace vmkit;
using namespace std::chrono_literals;

TEST_CASE("an image for the other architecture runs in a machine of that architecture") {
  const os::TemporaryDirectory folder = test::temporary_directory();
  auto store = oci::ImageStore::open(folder.path() / "store");
  const bool host_is_arm = host_architecture() == Architecture::arm64;
  const std::string architecture = host_is_arm ? "amd64" : "arm64";
  const auto root = folder.path() / "root";
  std::filesystem::create_directories(root);
  std::filesystem::copy_file(VMKIT_TEST_FOREIGN_PROGRAM, root / "say");
  const oci::Image image = test::import_folder(root, store, architecture);
  auto box = container::Container::create(
      {.image = image,
       .store = store,
       .folder = folder.path() / "box",
       .backend = vm::make_qemu_backend({.runtime_directory = folder.path()}),
       .kernel = test::kernel_for(architecture)});
  box.start(CallOptions{}.with_timeout(60s));
  auto process = box.exec({.args = {"/say", "hello"}, .stdin_mode = agent::Stdio::pipe});
  const std::string line = "from the host\n";
  process.stdin_sink().write(std::as_bytes(std::span(line)));
  process.stdin_sink().close();
  std::string output;
  std::byte buffer[256];
  while (const std::size_t count = process.stdout_source().read(buffer)) {
    output.append(reinterpret_cast<const char*>(buffer), count);
  }
  CHECK(output == (host_is_arm ? "x86_64" : "aarch64") + std::string(" hello from the host\n"));
  CHECK(process.wait().code == 7);
  box.stop();

  auto disk =
      disk::ImageFile::open(folder.path() / "box/disk.ext4", disk::ImageFile::Access::read_only);
  auto reader = ext4::Reader::open(disk);
  CHECK(reader.resolve("/kept"));
}
