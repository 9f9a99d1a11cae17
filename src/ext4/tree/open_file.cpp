// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/open_file.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "ext4/tree/file_content.hpp"
#include "ext4/tree/state.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {

State& OpenFile::open() const {
  if (state == nullptr || state->closed) {
    throw Error(Errc::failed_precondition, "file writer: finished before, or its file is removed");
  }
  return *state;
}

void OpenFile::begin(OpenFile& writer, State& owner, Inode file_inode, bool anew) {
  const auto ino = static_cast<std::uint32_t>(file_inode);
  auto* file = std::get_if<RegularFile>(&owner.node(file_inode).content);
  if (file == nullptr || ino < first_free_ino) {
    throw Error(Errc::invalid_argument, "inode " + std::to_string(ino) + " is no regular file");
  }
  const std::uint64_t size = anew ? 0 : file->size;
  const std::uint64_t used = size % block_size;
  if (used != 0) {
    writer.has_data = read_block(owner, *file, size / block_size, writer.buffer);
    std::memset(&writer.buffer[used], 0, block_size - used);
  }
  owner.change_content(ino);
  // A last block with data stays until another one takes its place.
  file->size = writer.has_data ? size : size - used;
  cut_behind_end(owner, *file);
  file->size = size;
  writer.disk_extents = ext4::disk_extents(file->extents);
  writer.position = size;
  writer.inode = file_inode;
  writer.state = &owner;
  owner.writer = &writer;
}

void OpenFile::check_length(std::uint64_t length) const {
  constexpr std::uint64_t longest = max_file_blocks * block_size;
  if (length > longest - position) {
    throw Error(Errc::unsupported, "file of " + std::to_string(position) + " bytes and " +
                                       std::to_string(length) + " more: ext4 allows at most " +
                                       std::to_string(longest));
  }
}

void OpenFile::put(std::span<const std::byte> data) {
  State& owner = open();
  auto& file = std::get<RegularFile>(owner.node(inode).content);
  std::vector<Extent>& extents = file.extents;
  while (!data.empty()) {
    const auto logical = static_cast<std::uint32_t>(position / block_size);
    const std::uint64_t goal =
        extents.empty() ? 0 : std::uint64_t{extents.back().physical} + extents.back().length;
    const BlockRange run = owner.space.allocate(data.size() / block_size, goal, "file data");
    const auto length = static_cast<std::uint32_t>(run.length);
    // The last block, of which only a part was in use, is replaced.
    const std::uint32_t replaced = extents.empty() || extents.back().logical_end() <= logical
                                       ? 0
                                       : extents.back().logical_end() - logical;
    const bool extends = run.start == goal && replaced == 0 && !extents.empty() &&
                         !extents.back().unwritten && extents.back().logical_end() == logical;
    const std::uint64_t count = count_with(extents, length, extends, replaced);
    const std::uint64_t more_index = extent_index_blocks(count);
    const std::uint64_t fewer_index = extent_index_blocks(disk_extents);
    const std::uint64_t index = more_index - std::min(more_index, fewer_index);
    std::uint64_t promised = 0;
    try {
      if (!extends && extents.size() == extents.capacity()) {
        extents.reserve(extents.size() + extents.size() / 2 + 1);
      }
      owner.space.promise(index, "file data");
      promised = index;
      owner.output.write(run.start * block_size, data.first(run.length * block_size));
    } catch (...) {
      owner.space.take_back_promise(promised);
      owner.space.release(run);
      throw;
    }
    owner.space.take_back_promise(fewer_index - std::min(more_index, fewer_index));
    if (replaced != 0) {
      Extent& last = extents.back();
      last.length -= replaced;
      owner.space.release({last.physical_end(), replaced});
      if (last.length == 0) extents.pop_back();
    }
    if (extends) {
      extents.back().length += length;
    } else {
      extents.push_back({logical, static_cast<std::uint32_t>(run.start), length});
    }
    disk_extents = count;
    position += run.length * block_size;
    file.size = position;
    data = data.subspan(run.length * block_size);
  }
}

std::uint64_t OpenFile::count_with(const std::vector<Extent>& extents, std::uint32_t length,
                                   bool extends, std::uint32_t replaced) const {
  if (!extends && replaced == 0) return disk_extents + ext4::disk_extents(length);
  const Extent& last = extents.back();
  const std::uint64_t others = disk_extents - ext4::disk_extents(last.length, last.unwritten);
  if (extends) return others + ext4::disk_extents(std::uint64_t{last.length} + length);
  return others + ext4::disk_extents(last.length - replaced) + ext4::disk_extents(length);
}

void OpenFile::put_buffer() {
  const std::uint64_t used = position % block_size;
  std::memset(&buffer[used], 0, block_size - used);
  const std::uint64_t end = position;
  position -= used;
  try {
    put(buffer);
  } catch (...) {
    position = end;
    throw;
  }
  has_data = false;
}

void OpenFile::finish() {
  State& owner = open();
  const std::uint64_t end = position;
  if (has_data) put_buffer();
  std::get<RegularFile>(owner.node(inode).content).size = end;
  owner.writer = nullptr;
  state = nullptr;
}

void OpenFile::write(std::span<const std::byte> data) {
  open();
  check_length(data.size());
  while (!data.empty()) {
    const std::uint64_t used = position % block_size;
    if (used == 0 && data.size() >= block_size) {
      const std::size_t whole = data.size() / block_size * block_size;
      put(data.first(whole));
      data = data.subspan(whole);
      continue;
    }
    if (!has_data) std::memset(buffer.data(), 0, used);
    has_data = true;
    const std::size_t part = std::min<std::size_t>(block_size - used, data.size());
    std::memcpy(&buffer[used], data.data(), part);
    if (used + part == block_size) {
      position -= used;
      try {
        put(buffer);
      } catch (...) {
        position += used;
        throw;
      }
      has_data = false;
    } else {
      position += part;
    }
    data = data.subspan(part);
  }
}

void OpenFile::skip(std::uint64_t length) {
  open();
  check_length(length);
  const std::uint64_t end = position + length;
  if (has_data) {
    if (end / block_size == position / block_size) {
      std::memset(&buffer[position % block_size], 0, length);
    } else {
      put_buffer();
    }
  }
  position = end;
}

}  // namespace vmkit::ext4
