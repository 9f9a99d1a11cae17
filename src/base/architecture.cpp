// SPDX-License-Identifier: Apache-2.0
#include <vmkit/base/architecture.hpp>

namespace vmkit {

std::string_view to_string(Architecture architecture) noexcept {
  return architecture == Architecture::x86_64 ? "x86_64" : "arm64";
}

Architecture host_architecture() noexcept {
#if defined(__aarch64__)
  return Architecture::arm64;
#elif defined(__x86_64__)
  return Architecture::x86_64;
#else
#error "vmkit runs on x86-64 and arm64"
#endif
}

}  // namespace vmkit
