// SPDX-License-Identifier: Apache-2.0
#include "oci/transfer/remote_manifest.hpp"

#include <map>
#include <utility>

#include "oci/document/platform_choice.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {

ManifestDocument fetch_listed(RegistryClient& client, const Reference& reference,
                              const Descriptor& entry, const CallOptions& options) {
  ManifestDocument document = client.fetch_manifest(reference.with_digest(entry.digest), options);
  const std::string what = "manifest " + entry.digest.to_string();
  if (document.descriptor.size != entry.size) {
    throw Error(Errc::data_corruption, what + ": expected " + std::to_string(entry.size.bytes()) +
                                           " bytes, found " +
                                           std::to_string(document.descriptor.size.bytes()));
  }
  if (document.descriptor.media_type != entry.media_type) {
    throw Error(Errc::data_corruption, what + ": expected " + entry.media_type + ", found " +
                                           document.descriptor.media_type);
  }
  return document;
}

ManifestDocument choose_remote(RegistryClient& client, const Reference& reference,
                               ManifestDocument document, const Platform& platform,
                               const CallOptions& options) {
  for (int depth = 0; media_type::is_index(document.descriptor.media_type); ++depth) {
    check_index_depth(depth, reference.to_string());
    const Index index =
        Index::parse(document.content, "index " + document.descriptor.digest.to_string(),
                     document.descriptor.media_type);
    const auto choice = choose_manifest(index, platform);
    if (!choice) {
      throw Error(Errc::unsupported, "there is no image for " + platform.normalized().to_string() +
                                         "; there are images for: " + offered_platforms(index));
    }
    document = fetch_listed(client, reference, index.manifests[*choice], options);
  }
  return document;
}

std::vector<Descriptor> distinct(const std::vector<Descriptor>& blobs) {
  std::vector<Descriptor> result;
  std::map<Digest, ByteSize> sizes;
  for (const Descriptor& blob : blobs) {
    const auto [known, added] = sizes.emplace(blob.digest, blob.size);
    if (added) {
      result.push_back(blob);
    } else if (known->second != blob.size) {
      throw Error(Errc::data_corruption, "manifest: " + blob.digest.to_string() +
                                             " is listed with two sizes, " +
                                             std::to_string(known->second.bytes()) + " and " +
                                             std::to_string(blob.size.bytes()));
    }
  }
  return result;
}

}  // namespace vmkit::oci
