// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "containers/description.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "program.hpp"

namespace cli {
namespace {

struct PsOptions {
  StoreOption store;
  bool all = false;
  bool quiet = false;
  bool json = false;
};

std::string shortened(const std::string& text) {
  constexpr std::size_t longest = 30;
  return text.size() <= longest ? text : text.substr(0, longest - 3) + "...";
}

int ps(const PsOptions& options) {
  nlohmann::json list = nlohmann::json::array();
  Table table({"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"});
  for (const Found& found : all_containers(options.store.folder())) {
    if (!options.all && !found.in_use) continue;
    const Entry& entry = found.entry;
    if (options.quiet && !options.json) {
      std::printf("%s\n", entry.id.c_str());
      continue;
    }
    const Description description = describe(found);
    list.push_back(to_json(found, description));
    table.add({entry.id, familiar_image(entry), '"' + shortened(entry.command) + '"',
               age(entry.created), description.status, description.ports_text(), entry.name});
  }
  if (options.json) {
    print(list);
  } else if (!options.quiet) {
    table.print();
  }
  return 0;
}

}  // namespace

void add_ps(Program& program) {
  const auto options = std::make_shared<PsOptions>();
  CLI::App* command = program.add(
      "ps", "List containers",
      "Those that run; with -a also those that are stopped, and \"Dead\" ones, whose monitor was "
      "killed: start them again or remove them.",
      {"vmkit ps -a", "vmkit ps --json | jq -r '.[].name'"});
  add_store(command, options->store);
  command->add_flag("-a,--all", options->all, "Also those that do not run");
  command->add_flag("-q,--quiet", options->quiet, "Only the ids");
  add_json(command, options->json);
  program.on(command, [options] { return ps(*options); });
}

}  // namespace cli
