// SPDX-License-Identifier: Apache-2.0
#include "fuzz/document_text.hpp"
#include "fuzz/target.hpp"
#include "oci/document/platform_choice.hpp"

#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/media_type.hpp>

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using vmkit::oci::Descriptor;
using vmkit::oci::Index;
using vmkit::oci::Manifest;
using vmkit::oci::Platform;
namespace media_type = vmkit::oci::media_type;

void check_choice(const Index& index, const Platform& platform) {
  const auto choice = vmkit::oci::choose_manifest(index, platform);
  if (!choice) return;
  require(*choice < index.manifests.size(), "the choice is one of the manifests");
  const Descriptor& chosen = index.manifests[*choice];
  require(media_type::is_manifest(chosen.media_type) || media_type::is_index(chosen.media_type),
          "the choice is an image or an index");
  require(!chosen.platform || vmkit::oci::match_distance(platform, *chosen.platform),
          "the choice runs on the platform");
}

const vmkit::fuzz::Target target("index", [](std::string_view input) {
  accepts({Errc::data_corruption}, [&] {
    const Index index = Index::parse(input, "the index");
    require(media_type::is_index(index.media_type), "an index has an index's type");
    require(index.manifests.size() <= 4096, "there are at most 4096 manifests");
    const std::string text = vmkit::fuzz::text_of(index);
    const Index again = Index::parse(text, "the index", index.media_type);
    require(again.manifests == index.manifests && again.annotations == index.annotations,
            "an accepted index reads back the same");
    require(vmkit::oci::document_type(input, "the index") == index.media_type,
            "document_type() tells the type that parse() finds");
    require(!accepts({Errc::data_corruption}, [&] { Manifest::parse(input, "the index"); }),
            "no document is both a manifest and an index");
    for (const char* platform : {"linux/amd64", "linux/arm64", "linux/arm/v7"}) {
      check_choice(index, Platform::parse(platform));
    }
    for (const Descriptor& entry : index.manifests) {
      if (!entry.platform) continue;
      require(entry.platform->normalized() == *entry.platform, "platforms are normalised");
      require(vmkit::oci::match_distance(*entry.platform, *entry.platform) == 0,
              "a platform runs its own images");
      check_choice(index, *entry.platform);
    }
    vmkit::oci::offered_platforms(index);
  });
});

}  // namespace
