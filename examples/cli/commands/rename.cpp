// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "program.hpp"

namespace cli {

void add_rename(Program& program) {
  struct Options {
    StoreOption store;
    std::string container;
    std::string name;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add("rename", "Give a container another name",
                                  "Running or not. What it calls itself inside stays.",
                                  {"vmkit rename eager_otter web"});
  add_store(command, options->store);
  add_container_name(command, options->container);
  command->add_option("NAME", options->name, "The new one")->required();
  program.on(command, [options] {
    rename(find_container(options->store.folder(), options->container).entry, options->name);
    return 0;
  });
}

}  // namespace cli
