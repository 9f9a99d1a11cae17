// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// Writes at the end of one file. Must not outlive its Filesystem; destroying it early leaves the
/// file with what was written. Whole blocks go to the device from the caller's memory or, if small,
/// through a buffer that joins neighbours. A write that fails leaves the file with a part of its
/// data. Throws failed_precondition when finished before or when the file was removed.
class FileWriter {
 public:
  FileWriter(FileWriter&&) noexcept;
  FileWriter& operator=(FileWriter&&) noexcept;
  ~FileWriter();

  Inode inode() const;
  /// Throws resource_exhausted when the image is full, unsupported when the file exceeds 16 TiB.
  void write(std::span<const std::byte> data);
  /// Goes on `length` bytes further: a hole, which takes no space and reads as zeros.
  void skip(std::uint64_t length);
  /// Writes what is still buffered. Nothing may be written afterwards.
  void finish();

 private:
  friend class Filesystem;
  struct Impl;
  explicit FileWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::ext4
