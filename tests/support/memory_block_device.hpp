// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <vector>

#include <vmkit/base/block_device.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::test {

/// A small BlockDevice in memory that fails when told to.
class MemoryBlockDevice : public BlockDevice {
 public:
  /// From now on the n-th change (write, discard, resize, flush) fails, and all after it; 0: the
  /// next one.
  void fail_after(std::uint64_t changes) { limit_ = changes_ + changes; }
  void fail_never() { limit_ = ~std::uint64_t{0}; }
  std::uint64_t changes() const { return changes_; }

  const std::vector<std::byte>& bytes() const { return bytes_; }

  ByteSize size() const override { return ByteSize(bytes_.size()); }
  void read_at(std::uint64_t offset, std::span<std::byte> buffer) override {
    check_range(offset, buffer.size());
    if (!buffer.empty()) std::memcpy(buffer.data(), bytes_.data() + offset, buffer.size());
  }
  void write_at(std::uint64_t offset, std::span<const std::byte> data) override {
    change();
    check_range(offset, data.size());
    if (!data.empty()) std::memcpy(bytes_.data() + offset, data.data(), data.size());
  }
  void discard(std::uint64_t offset, std::uint64_t length) override {
    change();
    check_range(offset, length);
    if (length > 0) std::memset(bytes_.data() + offset, 0, length);
  }
  void resize(ByteSize size) override {
    change();
    bytes_.resize(size.bytes());
  }
  void flush() override { change(); }

 private:
  void change() {
    if (changes_ >= limit_) throw Error(Errc::io, "the test's device fails");
    ++changes_;
  }
  void check_range(std::uint64_t offset, std::uint64_t length) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset) {
      throw Error(Errc::internal, "the test's device is used beyond its end");
    }
  }

  std::vector<std::byte> bytes_;
  std::uint64_t changes_ = 0;
  std::uint64_t limit_ = ~std::uint64_t{0};
};

}  // namespace vmkit::test
