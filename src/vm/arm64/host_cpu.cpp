// SPDX-License-Identifier: Apache-2.0
#if defined(__aarch64__)  // both architectures' files are compiled: a macOS build may be for two

#include "vm/host_cpu.hpp"

namespace vmkit::vm {

// Guests here have the architected timer, whose frequency the kernel reads for itself.
std::optional<std::uint64_t> read_cycle_counter() noexcept {
  return std::nullopt;
}

}  // namespace vmkit::vm

#endif
