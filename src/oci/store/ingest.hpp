// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "os/exclusive_file.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// One blob on its way into a store: hashed as it is written, under its digest's name in ingest/,
/// locked against everybody else. Without commit() the bytes stay there and the next Ingest of the
/// same blob goes on after them. Confined.
class Ingest : public Sink {
 public:
  enum class Existing {
    keep,     ///< A blob that is there already needs no ingest.
    replace,  ///< It is known to be bad and will be replaced.
  };

  /// Waits until nobody else writes this blob. nullptr if it is in the store then.
  static std::unique_ptr<Ingest> begin(const ImageStore& store, const Descriptor& descriptor,
                                       Existing existing, const CallOptions& options);
  ~Ingest() override;

  /// How many bytes are there: what a download goes on from.
  std::uint64_t received() const noexcept { return received_; }

  /// The file as it is now and grows, also when commit() has moved it.
  os::File open_for_reading() const;

  /// Throws data_corruption as soon as there is more than the descriptor says.
  void write(std::span<const std::byte> data) override;

  /// Throws all bytes away.
  void restart();

  /// Verifies, syncs and moves the file to its place. Throws data_corruption, with nothing left, if
  /// size or digest are not the descriptor's. The blob's folder is not synced: ImageStore::tag
  /// does that once for all blobs of an image.
  void commit();

 private:
  Ingest(std::filesystem::path target, Descriptor descriptor, os::ExclusiveFile file);
  void hash_existing(const CallOptions& options);

  std::filesystem::path target_;
  Descriptor descriptor_;
  os::ExclusiveFile file_;
  Hasher hasher_;
  std::uint64_t received_ = 0;
  std::uint64_t written_back_ = 0;
  bool committed_ = false;
};

/// Where the file of a blob on its way is or would be.
std::filesystem::path partial_path(const std::filesystem::path& store_root, const Digest& digest);

struct PartialBlob {
  Digest digest;
  std::filesystem::path path;
  os::FileStatus status;
};

/// What has the name of a partial download.
std::vector<PartialBlob> partial_blobs(const std::filesystem::path& store_root);

bool is_being_written(const PartialBlob& partial);

/// False if somebody is writing it.
bool remove_partial(const PartialBlob& partial);

/// Clears ingest/ of partial downloads that nobody has touched for a day.
void remove_stale_ingests(const std::filesystem::path& store_root);

}  // namespace vmkit::oci
