// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "program.hpp"

namespace cli {

void add_pause(Program& program) {
  const auto add = [&](const char* name, const char* summary, const char* help) {
    const auto options = std::make_shared<ContainerNames>();
    CLI::App* command = program.add(name, summary, help, {std::string("vmkit ") + name + " web"});
    add_container_names(command, *options);
    program.on(command, [options, what = std::string(name)] {
      return for_each_container(*options, [&](const Found& found) { ask(found, {{"do", what}}); });
    });
  };
  add("pause", "Halt the processors of running containers",
      "They keep their memory, and take no time, until `vmkit unpause`.");
  add("unpause", "Let paused containers go on", "Their clock is set again.");
}

}  // namespace cli
