// SPDX-License-Identifier: Apache-2.0
// Puts a folder upon an image, as `FROM BASE` and `COPY FOLDER /srv` would, and pushes the result:
//   09_build 127.0.0.1:5000/debian:demo FOLDER 127.0.0.1:5000/site:1
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include <vmkit/vmkit.hpp>

using namespace vmkit;
namespace fs = std::filesystem;

namespace {

/// Files and folders as entries of a layer: root's, and without times, so that the same folder
/// makes the same image.
bool write_layer(const fs::path& folder, Sink& sink) {
  archive::TarWriter tar(sink);
  const std::set<fs::directory_entry> sorted{fs::recursive_directory_iterator(folder), {}};
  for (const auto& found : sorted) {
    archive::TarEntry entry;
    entry.path = "srv/" + found.path().lexically_relative(folder).string();
    if (found.is_directory()) {
      entry.type = archive::EntryType::directory;
      entry.permissions = 0755;
      tar.add(entry);
    } else if (found.is_regular_file()) {
      entry.permissions = 0644;
      entry.size = found.file_size();
      tar.add(entry);
      std::ifstream file(found.path(), std::ios::binary);
      std::vector<char> buffer(65536);
      while (file.read(buffer.data(), std::ssize(buffer)), file.gcount() > 0) {
        tar.write(std::as_bytes(std::span(buffer.data(), static_cast<std::size_t>(file.gcount()))));
      }
    }
  }
  tar.finish();
  return true;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) return std::fputs("usage: 09_build BASE FOLDER IMAGE\n", stderr), 2;
  auto store = oci::ImageStore::open("vmkit-store");
  const auto base_name = oci::Reference::parse(argv[1]);
  const auto name = oci::Reference::parse(argv[3]);
  const bool local = name.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});
  const auto base = oci::pull(registry, store, base_name);

  const auto image = oci::add_layer(
      store, base, name,
      {.write = [&](Sink& tar) { return write_layer(argv[2], tar); }, .created_by = "COPY . /srv"});
  // What the registry has already is not sent; the base's layers may come from its repository.
  oci::push(registry, store, name, name, {.mount_from = base_name});
  std::printf("%s@%s\n", argv[3], image.descriptor.digest.to_string().c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "09_build: %s\n", error.what());
  return 125;
}
