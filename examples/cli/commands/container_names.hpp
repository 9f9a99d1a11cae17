// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "containers/search.hpp"
#include "options/common_options.hpp"

namespace CLI {
class App;
}

namespace cli {

/// What the commands have that do one thing to containers.
struct ContainerNames {
  StoreOption store;
  std::vector<std::string> names;
  bool json = false;
};

void add_container_names(CLI::App* command, ContainerNames& options);
/// The operand of commands for one container.
void add_container_name(CLI::App* command, std::string& name);

/// Does it to each, printing its name as it was given. One that fails does not keep the others from
/// it: what was wrong is told at once, and the exit status is 1.
int for_each_container(const ContainerNames& options,
                       const std::function<void(const Found&)>& action);

}  // namespace cli
