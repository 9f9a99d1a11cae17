// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <memory>

#include <vmkit/vm/helper_backend.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace vmkit::test {

/// QEMU's backend; or, where the environment's VMKIT_TEST_HELPER names the program, the same in
/// helper processes: whatever is tested is to be the same there.
inline std::shared_ptr<vm::Backend> make_backend(const vm::QemuOptions& options) {
  const char* const helper = std::getenv("VMKIT_TEST_HELPER");
  if (helper == nullptr) return vm::make_qemu_backend(options);
  return vm::make_helper_backend({.program = helper, .qemu = options});
}

}  // namespace vmkit::test
