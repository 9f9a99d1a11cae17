// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vmkit::ext4 {

/// CRC-32C as ext4 uses it: `crc` is the register itself (start with ~0), never inverted, so that
/// calls chain. Takes the processor's instruction where there is one.
std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> data);

/// `value` in little-endian order, as it stands on disk.
std::uint32_t crc32c_le32(std::uint32_t crc, std::uint32_t value);

/// The same, from tables.
std::uint32_t crc32c_portable(std::uint32_t crc, std::span<const std::byte> data);

using Crc32cFunction = std::uint32_t (*)(std::uint32_t, std::span<const std::byte>);
/// The function that uses the instruction of this processor; null when it has none.
Crc32cFunction crc32c_hardware();

}  // namespace vmkit::ext4
