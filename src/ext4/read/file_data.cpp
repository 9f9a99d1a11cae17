// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/file_data.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/read/corrupt.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/read/inline_data.hpp"

namespace vmkit::ext4 {
namespace {

void copy_part(std::span<const std::byte> from, std::uint64_t from_offset, std::uint64_t offset,
               std::span<std::byte> buffer) {
  const std::uint64_t begin = std::max(from_offset, offset);
  const std::uint64_t end = std::min(from_offset + from.size(), offset + buffer.size());
  if (begin >= end) return;
  std::memcpy(&buffer[begin - offset], &from[begin - from_offset], end - begin);
}

}  // namespace

std::size_t read_file(BlockSource& source, const InodeRecord& inode, std::uint64_t offset,
                      std::span<std::byte> buffer) {
  if (offset >= inode.size) return 0;
  buffer = buffer.first(std::min<std::uint64_t>(buffer.size(), inode.size - offset));
  if (buffer.empty()) return 0;
  if (inode.has(inode_flag_inline_data)) {
    const InlineData data = inline_data(source.volume(), inode);
    copy_part(data.block, 0, offset, buffer);
    copy_part(data.tail, data.block.size(), offset, buffer);
    return buffer.size();
  }
  const std::uint64_t size = source.volume().block_size;
  const std::uint64_t end = offset + buffer.size();
  std::uint64_t done = offset;  // up to where the buffer is filled
  const auto zero_up_to = [&](std::uint64_t position) {
    std::memset(&buffer[done - offset], 0, position - done);
    done = position;
  };
  const std::uint64_t first = offset / size;
  if (first <= ~std::uint32_t{0}) {
    walk_file(source, inode, static_cast<std::uint32_t>(first), [&](const MappedBlocks& piece) {
      const std::uint64_t piece_begin = piece.logical * size;
      const std::uint64_t begin = std::max(piece_begin, done);
      const std::uint64_t piece_end = std::min(piece_begin + piece.length * size, end);
      if (begin >= end) return false;
      if (begin > done) zero_up_to(begin);
      if (piece_end > begin && !piece.unwritten) {
        source.device().read_at(piece.physical * size + (begin - piece_begin),
                                buffer.subspan(begin - offset, piece_end - begin));
        done = piece_end;
      }
      return done < end;
    });
  }
  if (done < end) zero_up_to(end);
  return buffer.size();
}

std::string read_symlink(BlockSource& source, const InodeRecord& inode) {
  constexpr std::uint64_t longest_target = 4095;
  std::string target;
  if (inode.size >= 1 && inode.size <= longest_target) {
    target.resize(static_cast<std::size_t>(inode.size));
    if (inode.fast_symlink()) {
      std::memcpy(target.data(), inode.block.data(), target.size());
    } else {
      read_file(source, inode, 0, std::as_writable_bytes(std::span(target)));
    }
  }
  if (target.empty() || target.find('\0') != std::string::npos) {
    throw_corrupt({inode.ino, 0}, "a symlink's target of " + std::to_string(inode.size) +
                                      " bytes, expected 1 to 4095 without NUL");
  }
  return target;
}

}  // namespace vmkit::ext4
