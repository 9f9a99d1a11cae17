// SPDX-License-Identifier: Apache-2.0
// A machine of the architecture that this host is not: emulated, with the agent that the library
// carries for it.
#include <doctest/doctest.h>
#include <string>

#include "support/demo.hpp"
#include "support/programs.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_image.hpp"

#include <vmkit/container/container.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/ext4/reader.hpp>
#include <vmkit/oci/image_archive.hpp>
#include <vmkit/oci/media_type.hpp>
#include <vmkit/vm/qemu_backend.hpp>

using namespace vmkit;
using namespace std::chrono_literals;

namespace {

/// An image with one program, /say, for linux/`architecture`.
oci::Image make_image(const std::filesystem::path& folder, oci::ImageStore& store,
                      const std::string& architecture) {
  std::filesystem::create_directories(folder / "root");
  std::filesystem::copy_file(VMKIT_TEST_FOREIGN_PROGRAM, folder / "root/say");
  const std::string tar =
      test::run_program({"tar", "--create", "--owner=0", "--group=0", "--mode=0755", "--directory",
                         (folder / "root").string(), "say"});
  const auto image =
      test::TestImage::make(architecture, {{std::string(oci::media_type::oci_layer), tar}});
  test::write_layout(folder / "layout", image.blobs(), image.manifest, "example.org/say:1");
  return oci::import_images(store, folder / "layout",
                            {.platform = oci::Platform::parse("linux/" + architecture)})
      .at(0);
}

}  // namespace

TEST_CASE("an image for the other architecture runs in a machine of that architecture") {
  const os::TemporaryDirectory folder = test::temporary_directory();
  auto store = oci::ImageStore::open(folder.path() / "store");
  const bool host_is_arm = host_architecture() == Architecture::arm64;
  const std::string architecture = host_is_arm ? "amd64" : "arm64";
  const oci::Image image = make_image(folder.path(), store, architecture);
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
