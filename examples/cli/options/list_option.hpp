// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace cli {

/// An option that may be given more than once, each time with one value: what comes after that is
/// not its own, also where it could be.
inline CLI::Option* add_list(CLI::App* command, const char* names, std::vector<std::string>& values,
                             const char* help, const char* type) {
  return command->add_option(names, values, help)
      ->type_name(type)
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
}

}  // namespace cli
