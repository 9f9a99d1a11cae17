// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include "os/file.hpp"

#include <vmkit/base/stream.hpp>

namespace vmkit::oci {

/// An open file from its beginning to its end.
class FileSource final : public Source {
 public:
  explicit FileSource(os::File file) : file_(std::move(file)) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = file_.read_at(offset_, buffer);
    offset_ += count;
    return count;
  }

 private:
  os::File file_;
  std::uint64_t offset_ = 0;
};

/// Writes an empty file, which must outlive it.
class FileSink final : public Sink {
 public:
  explicit FileSink(os::File& file) : file_(file) {}

  void write(std::span<const std::byte> data) override {
    file_.write_at(offset_, data);
    offset_ += data.size();
  }

 private:
  os::File& file_;
  std::uint64_t offset_ = 0;
};

}  // namespace vmkit::oci
