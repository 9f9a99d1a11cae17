// SPDX-License-Identifier: Apache-2.0
// An archive of images: its members as named files, "NAME -> TARGET" for a symlink and
// "NAME => TARGET" for a hard link.
#include <string>

#include "fuzz/named_files.hpp"
#include "fuzz/target.hpp"
#include "os/directory.hpp"
#include "support/memory_source.hpp"
#include "support/tar_text.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/image_archive.hpp>

namespace {

using namespace vmkit::oci;
using vmkit::ByteSize;
using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::NamedFile;
using vmkit::fuzz::require;
using vmkit::test::MemorySource;

std::string member_of(const NamedFile& file) {
  vmkit::test::TarMember member{file.name};
  for (const auto& [arrow, type] : {std::pair(" -> ", '2'), std::pair(" => ", '1')}) {
    const std::size_t at = file.name.find(arrow);
    if (at == file.name.npos) continue;
    member.name = file.name.substr(0, at);
    member.link = file.name.substr(at + 4);
    member.type = type;
  }
  if (member.type == '0') member.data = file.content;
  return vmkit::test::tar_header(member) + vmkit::test::padded(member.data);
}

class TextSink final : public vmkit::Sink {
 public:
  void write(std::span<const std::byte> data) override {
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  std::string text;
};

std::vector<Image> imported(ImageStore& store, const std::string& tar) {
  ImportOptions options;
  options.platform = Platform::parse("linux/amd64");
  options.size_limit = ByteSize(1 << 20);
  options.name_rule = [](const ArchivedImage& image) {
    const auto named = reference_of(image.name);
    return named ? named : Reference::parse("example.com/unnamed");
  };
  MemorySource source(tar, 1000);
  return import_images(store, source, options);
}

void check_complete(const ImageStore& store) {
  for (const ImageRecord& record : store.list()) {
    const auto image = store.resolve(Reference::parse(record.name), Platform::parse("linux/amd64"));
    require(image.has_value(), "a name leads to an image");
    require(store.verify_blob(image->manifest.config), "the configuration is what it should be");
    for (const auto& layer : image->manifest.layers) {
      require(store.verify_blob(layer), "the layers are what they should be");
    }
  }
}

void check_copies(const ImageStore& store, const std::vector<Image>& images,
                  const vmkit::os::TemporaryDirectory& folder) {
  for (const ArchiveFormat format : {ArchiveFormat::oci_archive, ArchiveFormat::docker_archive}) {
    accepts({Errc::unsupported, Errc::data_corruption}, [&] {
      TextSink sink;
      ExportOptions options;
      options.format = format;
      options.platform = Platform::parse("linux/amd64");
      export_images(store, {images.front().reference}, sink, options);
      auto other = ImageStore::open(folder.path() /
                                    (format == ArchiveFormat::oci_archive ? "oci" : "docker"));
      const auto copies = imported(other, sink.text);
      require(copies.size() == 1 && copies.front().reference == images.front().reference &&
                  copies.front().manifest.config.digest == images.front().manifest.config.digest,
              "what was imported can be exported and imported again");
    });
  }
}

const vmkit::fuzz::Target target("image_archive", [](std::string_view input) {
  static const auto parent = vmkit::test::temporary_directory();
  const vmkit::os::TemporaryDirectory folder(parent.path(), "archive");
  std::string tar;
  for (const NamedFile& file : vmkit::fuzz::named_files(input)) tar += member_of(file);
  auto store = ImageStore::open(folder.path() / "store");
  std::vector<Image> images;
  accepts({Errc::data_corruption, Errc::not_found, Errc::invalid_argument, Errc::unsupported,
           Errc::resource_exhausted},
          [&] { images = imported(store, tar); });
  check_complete(store);
  if (!images.empty()) check_copies(store, images, folder);
});

}  // namespace
