// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <vmkit/base/architecture.hpp>

namespace vmkit::agent::seccomp {

struct SystemCall {
  std::string_view name;
  std::uint32_t number;
};

/// A way to make system calls, with numbers of its own.
enum class Abi { x86_64, x86, arm64 };

Abi abi_of(Architecture architecture);

/// AUDIT_ARCH_… of linux/audit.h, by which a filter tells one from the other.
std::uint32_t audit_architecture(Abi abi);

/// All that the kernel's headers name, in the order of their numbers.
std::span<const SystemCall> system_calls(Abi abi);

}  // namespace vmkit::agent::seccomp
