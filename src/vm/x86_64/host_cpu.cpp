// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)  // both architectures' files are compiled: a macOS build may be for two

#include "vm/host_cpu.hpp"

#include <x86intrin.h>

namespace vmkit::vm {

std::optional<std::uint64_t> read_cycle_counter() noexcept {
  return __rdtsc();
}

}  // namespace vmkit::vm

#endif
