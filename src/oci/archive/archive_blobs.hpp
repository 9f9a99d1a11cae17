// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vmkit/oci/manifest.hpp>

namespace vmkit::oci {

/// The blobs of a foreign image layout, wherever they are. All calls throw data_corruption, naming
/// the file, if the blob is missing, no plain file, or not what the descriptor says.
class ArchiveBlobs {
 public:
  virtual ~ArchiveBlobs() = default;
  /// Whether it is there with the right size.
  virtual void check(const Descriptor& blob) = 0;
  /// The whole, verified; for documents.
  virtual std::string read(const Descriptor& blob) = 0;
  /// Makes it a blob of the store, verified.
  virtual void store(const Descriptor& blob) = 0;
};

}  // namespace vmkit::oci
