// SPDX-License-Identifier: Apache-2.0
#include "fuzz/document_text.hpp"
#include "fuzz/target.hpp"

#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/media_type.hpp>

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using vmkit::oci::Descriptor;
using vmkit::oci::Index;
using vmkit::oci::Manifest;
namespace media_type = vmkit::oci::media_type;

void check(const Descriptor& descriptor) {
  require(descriptor.size.bytes() >> 63 == 0, "sizes are below 2^63");
  require(!descriptor.platform || descriptor.platform->normalized() == *descriptor.platform,
          "platforms are normalised");
  require(descriptor.media_type.size() <= 255, "media types are words");
}

const vmkit::fuzz::Target target("manifest", [](std::string_view input) {
  const bool accepted = accepts({Errc::data_corruption}, [&] {
    const Manifest manifest = Manifest::parse(input, "the manifest");
    require(media_type::is_manifest(manifest.media_type), "a manifest has a manifest's type");
    require(manifest.layers.size() <= 1024, "there are at most 1024 layers");
    check(manifest.config);
    for (const Descriptor& layer : manifest.layers) check(layer);
    const std::string text = vmkit::fuzz::text_of(manifest);
    const Manifest again = Manifest::parse(text, "the manifest", manifest.media_type);
    require(vmkit::fuzz::text_of(again) == text, "an accepted manifest reads back the same");
    require(vmkit::oci::document_type(input, "the manifest") == manifest.media_type,
            "document_type() tells the type that parse() finds");
    require(!accepts({Errc::data_corruption}, [&] { Index::parse(input, "the manifest"); }),
            "no document is both a manifest and an index");
  });
  for (const std::string_view sent_as : {media_type::oci_manifest, media_type::docker_manifest}) {
    accepts({Errc::data_corruption}, [&] {
      const Manifest manifest = Manifest::parse(input, "the manifest", sent_as);
      require(accepted, "what a sender calls a document does not make it one");
      require(manifest.media_type == sent_as, "a manifest does not contradict its sender");
    });
  }
  accepts({Errc::data_corruption, Errc::unsupported},
          [&] { vmkit::oci::document_type(input, "the manifest"); });
});

}  // namespace
