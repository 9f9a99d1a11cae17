// SPDX-License-Identifier: Apache-2.0
// An image layout that came from elsewhere. The input holds its files, each after a line with its
// name:
//
//     === blob
//     {"schemaVersion":2, … "digest":"@0","size":#0 …}
//     === index.json
//     …
//
// In all files @N and #N stand for digest and size of the N-th blob before, because a fuzzer does
// not find digests.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fuzz/target.hpp"
#include "os/directory.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/image_store.hpp>

namespace {

namespace fs = std::filesystem;
using vmkit::Digest;
using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using vmkit::oci::Image;
using vmkit::oci::ImageRecord;
using vmkit::oci::ImageStore;
using vmkit::oci::Platform;
using vmkit::oci::Reference;

struct File {
  std::string name;
  std::string content;
};

std::string filled_in(std::string_view text, const std::vector<std::string>& blobs) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool mark = (text[i] == '@' || text[i] == '#') && i + 1 < text.size();
    const std::size_t number =
        mark ? static_cast<unsigned char>(text[i + 1]) - std::size_t{'0'} : 0;
    if (!mark || number >= blobs.size()) {
      result += text[i];
    } else {
      result += text[i] == '@' ? vmkit::digest_of(blobs[number]).to_string()
                               : std::to_string(blobs[number].size());
      ++i;
    }
  }
  return result;
}

std::vector<File> files_of(std::string_view input) {
  constexpr std::string_view mark = "=== ";
  std::vector<File> files;
  std::vector<std::string> blobs;
  while (input.starts_with(mark)) {
    input.remove_prefix(mark.size());
    const std::size_t line = std::min(input.find('\n'), input.size());
    const std::string_view name = input.substr(0, line);
    input.remove_prefix(std::min(line + 1, input.size()));
    const std::size_t end = std::min(input.find("\n=== "), input.size());
    std::string content = filled_in(input.substr(0, end), blobs);
    input.remove_prefix(std::min(end + 1, input.size()));
    if (name == "index.json" || name == "oci-layout") {
      files.push_back({std::string(name), std::move(content)});
    } else if (name == "blob" && blobs.size() < 10) {
      blobs.push_back(content);
      files.push_back({"blobs/sha256/" + vmkit::digest_of(content).hex(), std::move(content)});
    } else if (const auto digest = Digest::try_parse(name)) {  // a blob that is not what it says
      files.push_back({"blobs/sha256/" + digest->hex(), std::move(content)});
    }
  }
  return files;
}

std::vector<std::string> names_of(const std::vector<ImageRecord>& records) {
  std::vector<std::string> names;
  for (const ImageRecord& record : records) names.push_back(record.name);
  std::sort(names.begin(), names.end());
  return names;
}

void check_image(ImageStore& store, const Image& image) {
  require(image.manifest.layers.size() == image.config.diff_ids.size(),
          "each layer has its diff ID");
  require(store.has_blob(image.manifest.config), "the configuration is in the store");
  for (const auto& layer : image.manifest.layers) {
    require(store.has_blob(layer), "the layers are in the store");
    require(store.blob_path(layer.digest).string().starts_with(store.root().string()),
            "blobs are below the store");
    store.verify_blob(layer);
  }
  accepts({Errc::unsupported}, [&] { layers(image); });

  const auto before = names_of(store.list());
  const Reference name = Reference::parse("example.com/fuzz/new:tag");
  if (std::find(before.begin(), before.end(), name.to_string()) != before.end()) return;
  store.tag(name, image.descriptor);
  const auto found = store.resolve(name, image.platform);
  require(found && found->descriptor.digest == image.descriptor.digest, "a tag leads to its image");
  require(store.remove(name), "a tag that was put can be removed");
  require(names_of(store.list()) == before, "other names are left alone");
}

void use(const fs::path& root) {
  accepts({Errc::data_corruption, Errc::unsupported, Errc::failed_precondition}, [&] {
    ImageStore store = ImageStore::open(root);
    for (const ImageRecord& record : store.list()) {
      const auto reference = Reference::try_parse(record.name);
      if (!reference || reference->to_string() != record.name) continue;
      require(store.find(*reference).has_value(), "what is listed is found");
      accepts({Errc::data_corruption, Errc::not_found, Errc::unsupported}, [&] {
        if (const auto image = store.resolve(*reference, Platform::parse("linux/amd64"))) {
          check_image(store, *image);
        }
      });
    }
  });
}

const vmkit::fuzz::Target target("layout", [](std::string_view input) {
  static const auto parent = vmkit::test::temporary_directory();
  const vmkit::os::TemporaryDirectory folder(parent.path(), "layout");
  fs::create_directories(folder.path() / "blobs" / "sha256");
  for (const File& file : files_of(input)) {
    std::ofstream(folder.path() / file.name, std::ios::binary) << file.content;
  }
  use(folder.path());
});

}  // namespace
