// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/file_content.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {
namespace {

/// The first extent that ends behind `logical`.
std::vector<Extent>::const_iterator first_behind(const RegularFile& file, std::uint64_t logical) {
  return std::upper_bound(
      file.extents.begin(), file.extents.end(), logical,
      [](std::uint64_t wanted, const Extent& extent) { return wanted < extent.logical_end(); });
}

}  // namespace

std::size_t read_content(State& state, const RegularFile& file, std::uint64_t offset,
                         std::span<std::byte> buffer) {
  if (offset >= file.size) return 0;
  buffer = buffer.first(std::min<std::uint64_t>(buffer.size(), file.size - offset));
  state.output.flush();
  const std::uint64_t end = offset + buffer.size();
  std::uint64_t done = offset;
  for (auto at = first_behind(file, offset / block_size); at != file.extents.end(); ++at) {
    const std::uint64_t extent_begin = std::uint64_t{at->logical} * block_size;
    const std::uint64_t begin = std::max(extent_begin, done);
    const std::uint64_t extent_end =
        std::min(extent_begin + std::uint64_t{at->length} * block_size, end);
    if (begin >= end) break;
    if (at->unwritten) continue;
    std::memset(&buffer[done - offset], 0, begin - done);
    state.device.read_at(std::uint64_t{at->physical} * block_size + (begin - extent_begin),
                         buffer.subspan(begin - offset, extent_end - begin));
    done = extent_end;
  }
  if (done < end) std::memset(&buffer[done - offset], 0, end - done);
  return buffer.size();
}

void cut_behind_end(State& state, RegularFile& file) {
  const std::uint64_t before = extent_index_blocks(disk_extents(file.extents));
  const std::uint64_t keep = ceil_div(file.size, block_size);
  while (!file.extents.empty() && file.extents.back().logical_end() > keep) {
    Extent& last = file.extents.back();
    const std::uint32_t kept =
        last.logical >= keep ? 0 : static_cast<std::uint32_t>(keep - last.logical);
    state.space.release({std::uint64_t{last.physical} + kept, last.length - kept});
    last.length = kept;
    if (kept == 0) file.extents.pop_back();
  }
  const std::uint64_t after = extent_index_blocks(disk_extents(file.extents));
  state.space.take_back_promise(before - after);
}

bool read_block(State& state, const RegularFile& file, std::uint64_t logical,
                std::span<std::byte, block_size> buffer) {
  const auto found = first_behind(file, logical);
  if (found == file.extents.end() || found->logical > logical || found->unwritten) {
    std::memset(buffer.data(), 0, buffer.size());
    return false;
  }
  state.output.flush();
  state.device.read_at((found->physical + (logical - found->logical)) * block_size, buffer);
  return true;
}

}  // namespace vmkit::ext4
