// SPDX-License-Identifier: Apache-2.0
#include "support/programs.hpp"

#include <cstdlib>
#include <doctest/doctest.h>

#include "os/child_process.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::test {

bool has_programs(std::initializer_list<const char*> names) {
  const char* path = std::getenv("PATH");
  for (const char* name : names) {
    if (os::find_program(name, path == nullptr ? "" : path)) continue;
    const std::string message = std::string(name) + " is not installed: not tested";
    if (std::getenv("CI") != nullptr) FAIL(message);
    MESSAGE(message);
    return false;
  }
  return true;
}

std::string run_program(std::vector<std::string> arguments) {
  std::string command;
  for (const std::string& argument : arguments) command += argument + ' ';
  const os::Output output = os::run({.arguments = std::move(arguments)}, 16_MiB,
                                    CallOptions{}.with_timeout(std::chrono::seconds(60)));
  INFO(command, output.err);
  REQUIRE(output.status.success());
  return output.out;
}

ToolResult run_tool(const std::vector<std::string>& command, std::chrono::seconds limit) {
  try {
    const os::Output output =
        os::run({.arguments = command}, 64_MiB, CallOptions{}.with_timeout(limit));
    const int status = output.status.signal == 0 ? output.status.code : 128 + output.status.signal;
    return {status, output.err + output.out};
  } catch (const Error& error) {
    if (error.code() != Errc::timeout) throw;
    return {137, "not finished in time, killed"};
  }
}

}  // namespace vmkit::test
