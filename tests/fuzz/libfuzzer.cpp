// SPDX-License-Identifier: Apache-2.0
// Drives the one target of this program with libFuzzer.
#include <cstddef>
#include <cstdint>

#include "fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vmkit::fuzz::targets().front()->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
