// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "ext4/read/volume.hpp"

#include <vmkit/base/block_device.hpp>

namespace vmkit::ext4 {

/// What becomes of a journal with something to replay.
enum class JournalPolicy { replay, refuse };

/// An image with its superblock decoded and its journal replayed in memory.
class OpenImage {
 public:
  /// `device` must outlive it. Throws what decode_superblock() does; failed_precondition for a
  /// journal that is refused.
  OpenImage(BlockDevice& device, JournalPolicy policy);

  const Volume& volume() const { return volume_; }
  /// The image as it is with its journal replayed; read-only if that was necessary.
  BlockDevice& device() { return device_; }
  bool journal_replayed() const { return false; }

 private:
  BlockDevice& device_;
  Volume volume_;
};

}  // namespace vmkit::ext4
