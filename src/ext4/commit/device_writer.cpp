// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/device_writer.hpp"

namespace vmkit::ext4 {
namespace {

constexpr std::size_t buffer_size = 256 << 10;
/// From here on a write of its own costs less than the copy.
constexpr std::size_t large = 64 << 10;

}  // namespace

void DeviceWriter::write(std::uint64_t offset, std::span<const std::byte> data) {
  const bool follows = offset == offset_ + pending_.size();
  if (!follows || data.size() >= large || pending_.size() + data.size() > buffer_size) flush();
  if (data.size() >= large) {
    device_.write_at(offset, data);
    return;
  }
  if (pending_.empty()) {
    pending_.reserve(buffer_size);
    offset_ = offset;
  }
  pending_.insert(pending_.end(), data.begin(), data.end());
}

void DeviceWriter::flush() {
  if (pending_.empty()) return;
  device_.write_at(offset_, pending_);
  pending_.clear();
}

}  // namespace vmkit::ext4
