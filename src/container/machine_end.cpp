// SPDX-License-Identifier: Apache-2.0
#include "container/machine_end.hpp"

#include <string>

namespace vmkit::container {
namespace {

constexpr std::size_t excerpt_lines = 12;

}  // namespace

bool is_over(vm::MachineState state) {
  return state == vm::MachineState::stopped || state == vm::MachineState::failed;
}

Error machine_ended(vm::Machine& machine) {
  const vm::MachineEvent last = machine.wait();
  std::string message = "the machine has ended (" + std::string(to_string(last.reason)) + ")";
  if (last.error) {
    // The event's own message has the console lines already.
    return Error(Errc::unavailable, message + ": " + last.error->what(), last.error->native());
  }
  return Error(Errc::unavailable, message + console_excerpt(machine));
}

std::string console_excerpt(vm::Machine& machine) {
  const auto lines = machine.console_tail(excerpt_lines);
  if (lines.empty()) return "; nothing was written to its console";
  std::string text = "; last console lines:";
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

}  // namespace vmkit::container
