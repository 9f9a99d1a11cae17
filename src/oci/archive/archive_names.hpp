// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/oci/image_archive.hpp>

namespace vmkit::oci {

/// A manifest and the name it is to get in the store.
struct NamedManifest {
  Reference reference;
  Descriptor manifest;
  Digest source;  ///< See ImageRecord::source.
};

/// An image's name in an archive and what it leads to.
struct FoundImage {
  ArchivedImage image;
  Digest source;
};

/// Which images of an archive are wanted, and what they are called in the store: the caller's
/// choice. The options must outlive it.
class ArchiveNames {
 public:
  explicit ArchiveNames(const ImportOptions& options) : options_(options) {}

  /// Whether the image is wanted that the archive calls `name` (may be empty).
  bool wants(std::string_view name, const Digest& digest);

  /// Throws not_found unless wants() was asked about all that the caller named.
  void check_all_found(std::string_view archive) const;

  /// The names in the store; throws invalid_argument where there is none to give.
  std::vector<NamedManifest> resolve(const std::vector<FoundImage>& images,
                                     std::string_view archive) const;

 private:
  std::vector<NamedManifest> as_the_one(const std::vector<FoundImage>& images,
                                        std::string_view archive) const;

  const ImportOptions& options_;
  std::set<std::string> found_;  // of options_.images
  std::set<std::string> there_;  // for a message
};

}  // namespace vmkit::oci
