// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ext4/format/extents.hpp"
#include "ext4/format/format.hpp"

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

struct State;

/// The regular file that is being written.
struct OpenFile {
  State* state = nullptr;  ///< Null when finished, or when the file was removed.
  Inode inode{};
  std::uint64_t position = 0;      ///< Of the end of the file, in bytes.
  std::uint64_t disk_extents = 0;  ///< Of the file, for the promise of index blocks.
  /// Whether the block at `position` has bytes, which then are in `buffer`, or is a hole so far.
  bool has_data = false;
  std::array<std::byte, block_size> buffer;

  /// Throws failed_precondition if nothing may be written any more.
  State& open() const;
  /// Throws unsupported if `length` more bytes make the file too long.
  void check_length(std::uint64_t length) const;
  /// The extents on disk once `length` blocks more are there.
  std::uint64_t count_with(const std::vector<Extent>& extents, std::uint32_t length, bool extends,
                           std::uint32_t replaced) const;
  /// Writes whole blocks at `position`, which is the start of one, and moves it along.
  void put(std::span<const std::byte> data);
  /// Begins to write `file` at its end, or anew. Strong guarantee.
  static void begin(OpenFile& writer, State& owner, Inode file, bool anew);
  /// Writes the buffered block, its rest as zeros.
  void put_buffer();
  void write(std::span<const std::byte> data);
  void skip(std::uint64_t length);
  void finish();
};

}  // namespace vmkit::ext4
