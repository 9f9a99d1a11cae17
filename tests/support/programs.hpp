// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

namespace vmkit::test {

/// Whether all these programs are in PATH. Where one is missing, says so; under CI it is a failure
/// of the test.
bool has_programs(std::initializer_list<const char*> names);

/// Runs a program (searched in PATH) for at most a minute and returns what it printed; fails the
/// test, showing its errors, unless it succeeds.
std::string run_program(std::vector<std::string> arguments);

struct ToolResult {
  int status = -1;     ///< Exit status; 128 and the signal for a killed tool.
  std::string output;  ///< What it wrote to stderr, then what to stdout.
};

/// Runs `command` without a shell and without input, whatever comes of it; kills it after `limit`
/// (status 137).
ToolResult run_tool(const std::vector<std::string>& command,
                    std::chrono::seconds limit = std::chrono::seconds(60));

}  // namespace vmkit::test
