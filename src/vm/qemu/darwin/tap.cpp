// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/network.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {

os::Descriptor open_tap(const std::string&) {
  throw Error(Errc::unsupported, "macOS has no TAP devices; use NetworkKind::descriptor");
}

}  // namespace vmkit::vm::qemu
