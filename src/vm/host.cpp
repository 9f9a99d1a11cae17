// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "os/host_resources.hpp"

#include <vmkit/vm/host.hpp>

namespace vmkit::vm {

HostResources host_resources() {
  const os::HostResources found = os::host_resources();
  return {found.processors, found.memory, found.available_memory};
}

MachineSize recommended_size(const HostResources& resources) noexcept {
  constexpr std::uint64_t mebibyte = 1 << 20;
  constexpr std::uint64_t least = 128 * mebibyte;
  constexpr std::uint64_t most = 8192 * mebibyte;
  const std::uint64_t memory =
      std::min(resources.memory.bytes() / 4, resources.available_memory.bytes() / 2);
  return {std::clamp(resources.processors / 2, 1U, 8U),
          ByteSize(std::clamp(memory, least, most) / mebibyte * mebibyte)};
}

}  // namespace vmkit::vm
