// SPDX-License-Identifier: Apache-2.0
// Turns an image into an ext4 disk, reads and changes it, and writes it as a tar archive: without a
// machine, a mount or root.
//   03_unpack 127.0.0.1:5000/debian:demo
#include <cstdio>
#include <fstream>

#include <vmkit/vmkit.hpp>

namespace {

class FileSink final : public vmkit::Sink {
 public:
  explicit FileSink(const char* path) : file_(path, std::ios::binary) {
    file_.exceptions(std::ios::failbit | std::ios::badbit);
  }
  void write(std::span<const std::byte> data) override {
    file_.write(reinterpret_cast<const char*>(data.data()), std::ssize(data));
  }

 private:
  std::ofstream file_;
};

}  // namespace

int main(int argc, char** argv) try {
  using namespace vmkit;
  if (argc != 2) return std::fputs("usage: 03_unpack IMAGE\n", stderr), 2;
  auto store = oci::ImageStore::open("vmkit-store");
  const auto reference = oci::Reference::parse(argv[1]);
  const bool local = reference.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});
  const auto image = oci::pull(registry, store, reference);

  // One file, of 4 GiB for a machine; it takes what is in it.
  const auto result =
      rootfs::unpack(container::image_layers(image, store), "disk.ext4", {.size = 4_GiB});
  std::printf("chain ID %s\n", result.chain_id.to_string().c_str());

  {  // Change it: all of it happens with the commit, or nothing.
    auto file = disk::ImageFile::open("disk.ext4", disk::ImageFile::Access::read_write);
    auto tree = ext4::Filesystem::open(file);
    auto writer = tree.make_file(tree.make_directories("/etc/app", {.permissions = 0755}),
                                 "greeting", {.permissions = 0644});
    writer.write(std::as_bytes(std::span("hello\n", 6)));
    writer.finish();
    tree.commit();
  }

  auto file = disk::ImageFile::open("disk.ext4", disk::ImageFile::Access::read_only);
  auto reader = ext4::Reader::open(file);
  for (const char* path : {"/etc/app/greeting", "/etc/debian_version"}) {
    const auto inode = reader.resolve(path);
    if (!inode) continue;
    std::string content(reader.stat(*inode).size, '\0');
    reader.read(*inode, 0, std::as_writable_bytes(std::span(content)));
    std::printf("%s: %s", path, content.c_str());
  }
  FileSink tar("disk.tar");
  const auto exported = rootfs::export_tar(reader, tar);
  std::printf("disk.tar has %llu entries\n", static_cast<unsigned long long>(exported.entries));
} catch (const std::exception& error) {
  std::fprintf(stderr, "03_unpack: %s\n", error.what());
  return 125;
}
