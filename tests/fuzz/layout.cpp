// SPDX-License-Identifier: Apache-2.0
// An image layout that came from elsewhere: its marker, index and blobs as named files.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "fuzz/named_files.hpp"
#include "fuzz/target.hpp"
#include "os/directory.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/maintenance.hpp>

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

/// The names with the images that they lead to.
std::map<std::string, Digest> images_of(const ImageStore& store) {
  std::map<std::string, Digest> images;
  for (const ImageRecord& record : store.list()) {
    const auto reference = Reference::try_parse(record.name);
    if (!reference || reference->to_string() != record.name) continue;
    require(store.find(*reference).has_value(), "what is listed is found");
    accepts({Errc::data_corruption, Errc::not_found, Errc::unsupported}, [&] {
      if (const auto image = store.resolve(*reference, Platform::parse("linux/amd64"))) {
        images.emplace(record.name, image->descriptor.digest);
      }
    });
  }
  return images;
}

void check_images(ImageStore& store) {
  for (const auto& [name, digest] : images_of(store)) {
    const auto image = store.resolve(Reference::parse(name), Platform::parse("linux/amd64"));
    require(image && image->descriptor.digest == digest, "a name leads to the same image again");
    check_image(store, *image);
  }
}

void maintain(ImageStore& store) {
  accepts({Errc::data_corruption}, [&] {
    const auto before = images_of(store);
    accepts({Errc::data_corruption}, [&] {
      vmkit::oci::usage(store);
      vmkit::oci::collect_garbage(store);
    });
    require(images_of(store) == before, "collecting garbage spares every image");
  });
  vmkit::oci::repair(store, {.remove_incomplete = true, .rebuild_index = true});
  const auto report = vmkit::oci::verify(store);
  require(std::none_of(
              report.bad.begin(), report.bad.end(),
              [](const auto& bad) { return bad.problem == vmkit::oci::BadBlob::Problem::damaged; }),
          "after a repair no blob is damaged");
}

void use(const fs::path& root) {
  accepts({Errc::data_corruption, Errc::unsupported, Errc::failed_precondition}, [&] {
    ImageStore store = ImageStore::open(root);
    accepts({Errc::data_corruption}, [&] { check_images(store); });
    maintain(store);
  });
}

const vmkit::fuzz::Target target("layout", [](std::string_view input) {
  static const auto parent = vmkit::test::temporary_directory();
  const vmkit::os::TemporaryDirectory folder(parent.path(), "layout");
  fs::create_directories(folder.path() / "blobs" / "sha256");
  for (const auto& file : vmkit::fuzz::named_files(input)) {
    if (file.name == "index.json" || file.name == "oci-layout" ||
        (file.name.starts_with("blobs/sha256/") && file.name.size() == 13 + 64 &&
         file.name.find_first_of("./", 13) == file.name.npos)) {
      std::ofstream(folder.path() / file.name, std::ios::binary) << file.content;
    }
  }
  use(folder.path());
});

}  // namespace
