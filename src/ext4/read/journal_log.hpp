// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "ext4/read/block_source.hpp"
#include "ext4/read/volume.hpp"

#include <vmkit/base/block_device.hpp>

namespace vmkit::ext4 {

/// A block whose last committed content stands in the journal.
struct ReplayedBlock {
  std::uint64_t block = 0;   ///< Where it belongs.
  std::uint64_t source = 0;  ///< Where it stands now, inside the journal.
  bool escaped = false;  ///< Its first four bytes, the journal's own magic number, are zeros there.
};

/// What a journal (JBD2) has to say.
struct JournalContent {
  std::vector<ReplayedBlock> blocks;  ///< In order of `block`, each once; none inside the journal.
  std::uint64_t superblock = 0;       ///< The block with the journal's own superblock.
  std::uint32_t next_sequence = 0;    ///< Of the transaction after the last one in it.
};

/// Reads the journal of an image: all transactions that were committed, in order, without what
/// later ones revoke. One that was not committed whole ends the log. Journals with checksums of any
/// kind (versions 2 and 3 verified), 64-bit block numbers and revocations; unsupported:
/// asynchronous commits, fast commits that wait for replay, features that nobody knows.
/// data_corruption: a checksum of a committed transaction, numbers outside of image or journal.
///
/// Memory and time are bounded by the journal's size.
JournalContent read_journal(BlockSource& source);

/// An image seen as if its journal had been replayed. Read-only: everything else throws.
class ReplayedDevice final : public BlockDevice {
 public:
  /// `device` must outlive it. `blocks` as in JournalContent.
  ReplayedDevice(BlockDevice& device, std::uint32_t size_of_block,
                 std::vector<ReplayedBlock> blocks);

  ByteSize size() const override { return device_.size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> buffer) override;
  void write_at(std::uint64_t offset, std::span<const std::byte> data) override;
  void discard(std::uint64_t offset, std::uint64_t length) override;
  void resize(ByteSize size) override;
  void flush() override;

 private:
  BlockDevice& device_;
  std::uint32_t block_size_;
  std::vector<ReplayedBlock> blocks_;
};

/// Replays the journal of an image on the device itself, if it has something to replay, and marks
/// the image as recovered: for editing. Safe to be broken off at any point and done again. Returns
/// whether there was something to do.
bool recover_journal(BlockDevice& device);

}  // namespace vmkit::ext4
