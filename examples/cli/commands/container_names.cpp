// SPDX-License-Identifier: Apache-2.0
#include "commands/container_names.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "output/json.hpp"

#include <vmkit/base/error.hpp>

namespace cli {

void add_container_names(CLI::App* command, ContainerNames& options) {
  add_store(command, options.store);
  add_json(command, options.json);
  command->add_option("CONTAINER", options.names, "Names, or the first digits of ids")->required();
}

void add_container_name(CLI::App* command, std::string& name) {
  command->add_option("CONTAINER", name, "Name, or the first digits of its id")->required();
}

int for_each_container(const ContainerNames& options,
                       const std::function<void(const Found&)>& action) {
  std::vector<std::string> done;
  for (const std::string& name : options.names) {
    try {
      action(find_container(options.store.folder(), name));
    } catch (const vmkit::Error& error) {
      if (error.code() == vmkit::Errc::cancelled) throw;
      std::fprintf(stderr, "vmkit: %s\n", error.what());
      continue;
    }
    done.push_back(name);
    if (!options.json) print_names({name}, false);
  }
  if (options.json) print_names(done, true);
  return done.size() == options.names.size() ? 0 : 1;
}

}  // namespace cli
