// SPDX-License-Identifier: Apache-2.0
#include "agent/seccomp/system_calls.hpp"

namespace vmkit::agent::seccomp {
namespace {

#include "agent/seccomp/syscall_tables.inc"

}  // namespace

Abi abi_of(Architecture architecture) {
  return architecture == Architecture::arm64 ? Abi::arm64 : Abi::x86_64;
}

std::uint32_t audit_architecture(Abi abi) {
  // The machine's number in ELF, and bits for 64 bits and little endian.
  switch (abi) {
    case Abi::x86_64:
      return 0xc000003e;
    case Abi::x86:
      return 0x40000003;
    case Abi::arm64:
      return 0xc00000b7;
  }
  return 0;
}

std::span<const SystemCall> system_calls(Abi abi) {
  switch (abi) {
    case Abi::x86_64:
      return x86_64_calls;
    case Abi::x86:
      return x86_calls;
    case Abi::arm64:
      return arm64_calls;
  }
  return {};
}

}  // namespace vmkit::agent::seccomp
