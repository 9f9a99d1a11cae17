// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

/// Writes a cpio archive of the kind "newc", which Linux takes as an initramfs. All times are zero
/// and all owners root, so that the same calls give the same bytes. Confined.
class CpioWriter {
 public:
  explicit CpioWriter(Sink& sink) : sink_(sink) {}

  /// `path` without a leading slash; parents first.
  void directory(std::string_view path, std::uint32_t permissions);
  void file(std::string_view path, std::uint32_t permissions, std::span<const std::byte> data);
  void character_device(std::string_view path, std::uint32_t permissions, std::uint32_t major,
                        std::uint32_t minor);
  /// The end of the archive; no other call may follow.
  void finish();

 private:
  struct Device {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
  };
  void entry(std::string_view path, std::uint32_t mode, std::span<const std::byte> data,
             Device device);
  void pad(std::size_t alignment);
  void write(std::span<const std::byte> data);

  Sink& sink_;
  std::uint64_t written_ = 0;
  std::uint32_t next_inode_ = 1;
};

}  // namespace vmkit::agent
