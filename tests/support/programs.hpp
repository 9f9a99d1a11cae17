// SPDX-License-Identifier: Apache-2.0
#pragma once

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

}  // namespace vmkit::test
