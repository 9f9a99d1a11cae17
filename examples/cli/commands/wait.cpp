// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "output/json.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;

int exit_status(const Found& found, const Interrupt& interrupt) {
  if (!found.in_use) return found.entry.exit_status;
  Channel channel = connect(found);
  const StopCallback on_interrupt(interrupt.token(), [&] { channel.shutdown_receive(); });
  try {
    return ask(channel, {{"do", "wait"}}).at("exit").get<int>();
  } catch (const Error&) {
    if (interrupt.signal() != 0) throw Error(Errc::cancelled, "stopped");
    throw;
  }
}

}  // namespace

void add_wait(Program& program) {
  const auto options = std::make_shared<ContainerNames>();
  CLI::App* command =
      program.add("wait", "Wait until containers have ended, and print their exit statuses",
                  "Of one that does not run, the status of its last run.", {"vmkit wait backup"});
  add_container_names(command, *options);
  program.on(command, [&program, options] {
    nlohmann::json list = nlohmann::json::array();
    for (const std::string& name : options->names) {
      const int status =
          exit_status(find_container(options->store.folder(), name), program.interrupt());
      list.push_back({{"container", name}, {"exitStatus", status}});
      if (!options->json) std::printf("%d\n", status);
    }
    if (options->json) print(list);
    return 0;
  });
}

}  // namespace cli
