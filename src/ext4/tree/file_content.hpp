// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ext4/format/format.hpp"
#include "ext4/tree/nodes.hpp"

namespace vmkit::ext4 {

struct State;

/// Fills `buffer` with the content of a file from byte `offset` on, as far as it goes; returns how
/// much that is. Writes first what the device has not got yet.
std::size_t read_content(State& state, const RegularFile& file, std::uint64_t offset,
                         std::span<std::byte> buffer);

/// One block of a file; false, and zeros, if it has none with data.
bool read_block(State& state, const RegularFile& file, std::uint64_t logical,
                std::span<std::byte, block_size> buffer);

/// Releases the blocks of a file, whose content is marked as changed, that are behind its end.
void cut_behind_end(State& state, RegularFile& file);

}  // namespace vmkit::ext4
