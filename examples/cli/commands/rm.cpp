// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>

namespace cli {

using namespace vmkit;

void add_rm(Program& program) {
  struct Options : ContainerNames {
    bool force = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add(
      "rm", "Remove containers with all that they have changed",
      "Their disk, snapshots and logs go; volumes and images stay (images: `vmkit rmi`). One that "
      "runs is an error, unless --force ends it first.",
      {"vmkit rm web", "vmkit rm -f $(vmkit ps -aq)"});
  add_container_names(command, *options);
  command->add_flag("-f,--force", options->force, "End those that run");
  program.on(command, [options] {
    return for_each_container(*options, [&](const Found& found) {
      if (found.in_use && !options->force) {
        throw Error(Errc::failed_precondition, "container " + found.entry.name +
                                                   " is running: `vmkit stop` it, or add --force");
      }
      if (found.in_use) stop(found, 0, "KILL");
      discard(found.entry);  // one of `run --rm` has gone by itself
    });
  });
}

}  // namespace cli
