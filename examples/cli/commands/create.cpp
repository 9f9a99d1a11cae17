// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "containers/search.hpp"
#include "launch/launch.hpp"
#include "program.hpp"

namespace cli {
namespace {

using namespace vmkit;

int create(const RunOptions& options, const std::vector<std::string>& arguments,
           const Interrupt& interrupt) {
  check(options);
  require_kernel(options);
  const auto folder = options.store.folder();
  auto store = oci::ImageStore::open(folder);
  sweep(folder);
  if (!options.name.empty()) require_free_name(folder, options.name);
  ProgressDisplay display(options.registry.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  const FoundImage found = find_image(options, store, true, call);
  const Launched made = make_container(options, arguments, store, found, true, call);
  display.finish();
  print_id(made.entry, options.json);
  return 0;
}

}  // namespace

void add_create(Program& program) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* command = program.add(
      "create", "Make a container, to be started later",
      "As `vmkit run -d`, but nothing runs yet: its disk is there, and `vmkit start` does the "
      "rest.",
      {"vmkit create --name db -v data:/var/lib/postgresql postgres:16", "vmkit start db"});
  add_run_options(command, *options);
  add_json(command, options->json);
  program.takes_words(command);
  program.on(
      command,
      [&program, command, options] {
        options->command = program.words_of(command);
        return create(*options, program.arguments(), program.interrupt());
      },
      exit_own_failure);
}

}  // namespace cli
