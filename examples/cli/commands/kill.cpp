// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "program.hpp"

namespace cli {

void add_kill(Program& program) {
  struct Options : ContainerNames {
    std::string signal = "KILL";
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add("kill", "Send a signal to the command of running containers",
                                  "Without --signal, SIGKILL, which ends it at once.",
                                  {"vmkit kill --signal HUP web"});
  add_container_names(command, *options);
  command->add_option("-s,--signal", options->signal, "By name or number")
      ->type_name("SIGNAL")
      ->capture_default_str();
  program.on(command, [options] {
    return for_each_container(*options, [&](const Found& found) {
      ask(found, {{"do", "kill"}, {"signal", options->signal}});
    });
  });
}

}  // namespace cli
