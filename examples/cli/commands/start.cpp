// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <unistd.h>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>

namespace cli {

using namespace vmkit;

void add_start(Program& program) {
  const auto options = std::make_shared<ContainerNames>();
  CLI::App* command = program.add(
      "start", "Start stopped containers again",
      "Each boots from its disk as the last run has left it, with the options it was made with, "
      "and runs in the background. One that runs already stays as it is.",
      {"vmkit start web"});
  add_container_names(command, *options);
  program.on(command, [&program, options] {
    return for_each_container(*options, [&](const Found& found) {
      if (found.in_use) return;
      if (found.unfinished) {
        throw Error(Errc::failed_precondition,
                    "container " + found.entry.id + " was never finished: `vmkit rm` it");
      }
      start_monitor(found.entry, options->store.folder(), program.interrupt());
    });
  });
}

}  // namespace cli
