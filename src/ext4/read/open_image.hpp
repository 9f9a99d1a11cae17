// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "ext4/read/journal_log.hpp"
#include "ext4/read/volume.hpp"

#include <vmkit/base/block_device.hpp>

namespace vmkit::ext4 {

/// The superblock of the image on `device`, its journal not regarded. Throws what
/// decode_superblock() does.
Volume read_volume(BlockDevice& device);

/// What becomes of a journal with something to replay.
enum class JournalPolicy { replay, refuse };

/// An image with its superblock decoded and its journal replayed in memory.
class OpenImage {
 public:
  /// `device` must outlive it. Throws what decode_superblock() and read_journal() do;
  /// failed_precondition for a journal that is refused.
  OpenImage(BlockDevice& device, JournalPolicy policy);

  const Volume& volume() const { return volume_; }
  /// The image as it is with its journal replayed; read-only if that was necessary.
  BlockDevice& device() const { return replayed_ ? *replayed_ : device_; }
  bool journal_replayed() const { return replayed_ != nullptr; }

 private:
  BlockDevice& device_;
  Volume volume_;
  std::unique_ptr<ReplayedDevice> replayed_;
};

}  // namespace vmkit::ext4
