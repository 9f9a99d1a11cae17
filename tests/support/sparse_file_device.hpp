// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vmkit/base/block_device.hpp>

namespace vmkit::test {

/// A BlockDevice over a new sparse file in a folder of its own, which goes with it.
class SparseFileDevice : public BlockDevice {
 public:
  SparseFileDevice();
  ~SparseFileDevice() override;
  SparseFileDevice(const SparseFileDevice&) = delete;
  SparseFileDevice& operator=(const SparseFileDevice&) = delete;

  const std::string& path() const { return path_; }
  const std::string& folder() const { return folder_; }
  /// What the file takes of the host's disk.
  ByteSize allocated() const;

  ByteSize size() const override;
  void read_at(std::uint64_t offset, std::span<std::byte> buffer) override;
  void write_at(std::uint64_t offset, std::span<const std::byte> data) override;
  void discard(std::uint64_t offset, std::uint64_t length) override;
  void resize(ByteSize size) override;
  void flush() override {}

 private:
  std::string folder_;
  std::string path_;
  int descriptor_;
};

}  // namespace vmkit::test
