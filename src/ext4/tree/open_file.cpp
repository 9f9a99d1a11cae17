// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/open_file.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "ext4/tree/state.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {

State& OpenFile::open() const {
  if (state == nullptr || state->closed) {
    throw Error(Errc::failed_precondition, "file writer: finished before, or its file is removed");
  }
  return *state;
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
    const bool extends = run.start == goal && !extents.empty() &&
                         extents.back().logical + extents.back().length == logical;
    const std::uint64_t count =
        extends ? disk_extents - ext4::disk_extents(extents.back().length) +
                      ext4::disk_extents(std::uint64_t{extents.back().length} + length)
                : disk_extents + ext4::disk_extents(length);
    const std::uint64_t index = extent_index_blocks(count) - extent_index_blocks(disk_extents);
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
