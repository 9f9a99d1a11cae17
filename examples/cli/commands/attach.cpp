// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>
#include <optional>
#include <unistd.h>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "program.hpp"

namespace cli {
namespace {

struct AttachOptions {
  StoreOption store;
  std::string container;
  bool no_input = false;
};

int attach(const AttachOptions& options, const Interrupt& interrupt) {
  const Found found = find_container(options.store.folder(), options.container);
  Channel channel = connect(found);
  return converse(channel, {{"do", "attach"}, {"input", !options.no_input}}, interrupt);
}

}  // namespace

void add_attach(Program& program) {
  const auto options = std::make_shared<AttachOptions>();
  CLI::App* command = program.add(
      "attach", "Join a running container's command, as its foreground",
      "Its output comes here from now on (`vmkit logs` has what was before), signals go there, and "
      "so does our input if it was run with -i and nobody else gives it input. Exit status: its "
      "own. Closing this terminal leaves the container running.",
      {"vmkit run -dit --name box debian:12 bash", "vmkit attach box"});
  add_store(command, options->store);
  command->add_flag("--no-stdin", options->no_input, "Give it no input");
  add_container_name(command, options->container);
  program.on(
      command, [&program, options] { return attach(*options, program.interrupt()); },
      exit_own_failure);
}

}  // namespace cli
