// SPDX-License-Identifier: Apache-2.0
#include "running.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>
#include <unistd.h>

namespace microvm {
namespace {

using namespace vmkit;
using namespace std::chrono_literals;

CallOptions patient() {
  return CallOptions{}.with_timeout(90s);
}

agent::Client connect(vm::Machine& machine) {
  return agent::Client::connect(machine.open_port(agent::port_name), patient());
}

/// A Machine ends with its object. One whose program is gone without that goes on, because it
/// outlives its owner, and is found again by the next command: so this ends the program at once.
[[noreturn]] void leave_running(int status) {
  std::fflush(nullptr);
  std::_Exit(status);
}

vm::Machine take(Library& library, const std::string& name) {
  const MachineEntry entry = library.find(name);
  if (entry.process.empty()) {
    throw Error(Errc::failed_precondition, name + " does not run: microvm vm start it first");
  }
  return library.backend().adopt(entry.process, patient());
}

void copy(Source& source, std::FILE* target) {
  std::vector<std::byte> buffer(65536);
  while (const auto count = source.read(buffer)) {
    std::fwrite(buffer.data(), 1, count, target);
    std::fflush(target);
  }
}

}  // namespace

void start(Library& library, const std::string& name) {
  const MachineEntry entry = library.find(name);
  vm::Machine machine = library.backend().create(entry.config);
  machine.start(patient());
  {
    agent::Client client = connect(machine);
    client.create_container({.root = {.serial = "root"}, .hostname = name}, patient());
  }
  library.set_process(name, machine.diagnostics().folder);
  leave_running(0);
}

int exec(Library& library, const std::string& name, const std::vector<std::string>& command) {
  vm::Machine machine = take(library, name);
  int result = 0;
  {
    agent::Client client = connect(machine);
    std::optional<agent::Process> process;
    try {
      process = client.spawn({.args = command,
                              .env = {"PATH=/usr/local/sbin:/usr/local/bin:"
                                      "/usr/sbin:/usr/bin:/sbin:/bin"}},
                             patient());
    } catch (const Error& error) {
      std::fprintf(stderr, "microvm: %s\n", error.what());
      leave_running(error.code() == Errc::not_found ? 127 : 126);
    }
    std::thread errors([&] { copy(process->stderr_source(), stderr); });
    copy(process->stdout_source(), stdout);
    errors.join();
    const agent::ExitStatus status = process->wait();
    result = status.exited() ? status.code : 128 + status.signal;
  }
  leave_running(result);
}

void stop(Library& library, const std::string& name) {
  vm::Machine machine = take(library, name);
  {
    agent::Client client = connect(machine);
    client.power_off(patient());
  }
  machine.wait(patient());
  library.set_process(name, {});
}

}  // namespace microvm
