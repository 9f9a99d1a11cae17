// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <vmkit/base/byte_size.hpp>

namespace vmkit {

/// Random access to the bytes of a disk. Offsets and lengths are bytes. Bytes never written read as
/// zero. Reads and writes of separate ranges may come from several threads at once; resize() and
/// flush() only alone. All calls throw Error (io, resource_exhausted).
class BlockDevice {
 public:
  virtual ~BlockDevice();

  virtual ByteSize size() const = 0;
  /// Fills `buffer` from `offset`. The range lies within size().
  virtual void read_at(std::uint64_t offset, std::span<std::byte> buffer) = 0;
  /// Writes all of `data` at `offset`. The range lies within size().
  virtual void write_at(std::uint64_t offset, std::span<const std::byte> data) = 0;
  /// Makes the range read as zero and gives its space back where the host can.
  virtual void discard(std::uint64_t offset, std::uint64_t length) = 0;
  /// Grows (with zeros) or shrinks the device.
  virtual void resize(ByteSize size) = 0;
  /// Returns when all that was written is on stable storage.
  virtual void flush() = 0;
};

}  // namespace vmkit
