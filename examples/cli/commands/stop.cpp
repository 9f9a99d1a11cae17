// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <memory>
#include <optional>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "program.hpp"

namespace cli {

void add_stop(Program& program) {
  struct Options : ContainerNames {
    double seconds = 10;
    std::optional<std::string> signal;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add(
      "stop", "Stop running containers in order",
      "The command is asked to end (SIGTERM, or what the image or --stop-signal say), and killed "
      "after --time seconds; then the disks are written back and the machine ends. One that does "
      "not run stays as it is.",
      {"vmkit stop web", "vmkit stop --time 60 db"});
  add_container_names(command, *options);
  command->add_option("-t,--time", options->seconds, "How long it may take, in seconds")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command->add_option("-s,--signal", options->signal, "To send first")->type_name("SIGNAL");
  program.on(command, [options] {
    return for_each_container(*options, [&](const Found& found) {
      if (found.in_use) stop(found, options->seconds, options->signal);
    });
  });
}

}  // namespace cli
