// SPDX-License-Identifier: Apache-2.0
// Starts a machine below the folder it is given, prints QEMU's process id, and waits to be killed.
#include <cstdio>
#include <unistd.h>

#include "support/test_guest.hpp"

#include <vmkit/vm/qemu_backend.hpp>

int main(int, char** arguments) {
  const auto backend = vmkit::vm::make_qemu_backend({.runtime_directory = arguments[1]});
  vmkit::vm::Machine machine = backend->create(vmkit::test::guest_config("owned", "echo"));
  machine.start();
  std::printf("%lld\n", static_cast<long long>(machine.diagnostics().process_id.value()));
  std::fflush(stdout);
  for (;;) ::pause();
}
