// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "program.hpp"

namespace cli {

void add_restart(Program& program) {
  struct Options : ContainerNames {
    double seconds = 10;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add(
      "restart", "Stop containers and start them again",
      "As `vmkit stop` and `vmkit start`: a new machine on the same disk.", {"vmkit restart web"});
  add_container_names(command, *options);
  command->add_option("-t,--time", options->seconds, "How long the stop may take, in seconds")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  program.on(command, [&program, options] {
    return for_each_container(*options, [&](const Found& found) {
      if (found.in_use) stop(found, options->seconds);
      start_monitor(found.entry, options->store.folder(), program.interrupt());
    });
  });
}

}  // namespace cli
