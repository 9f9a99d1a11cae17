// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <optional>
#include <unistd.h>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "launch/launch.hpp"
#include "monitor/client.hpp"
#include "options/list_option.hpp"
#include "program.hpp"
#include "terminal/raw_terminal.hpp"

namespace cli {
namespace {

using namespace vmkit;
using Json = nlohmann::json;

struct ExecOptions {
  StoreOption store;
  std::string container;
  bool interactive = false;
  bool terminal = false;
  bool detach = false;
  bool privileged = false;
  std::vector<std::string> env;
  std::optional<std::string> user;
  std::optional<std::string> workdir;
};

int exec(const ExecOptions& options, const std::vector<std::string>& words,
         const Interrupt& interrupt) {
  if (words.empty()) {
    throw Error(
        Errc::invalid_argument,
        "exec: after the container comes a command, as `vmkit exec " + options.container + " ls`");
  }
  Json request{{"do", "exec"},
               {"args", words},
               {"env", options.env},
               {"interactive", options.interactive},
               {"privileged", options.privileged},
               {"detach", options.detach}};
  if (options.user) request["user"] = *options.user;
  if (options.workdir) request["workdir"] = *options.workdir;
  if (options.terminal) {
    const auto size = terminal_size();
    if (!size) throw Error(Errc::failed_precondition, "--tty: standard input is no terminal");
    request["terminal"] = {size->rows, size->columns};
  }
  Channel channel = connect(find_container(options.store.folder(), options.container));
  try {
    if (!options.detach) return converse(channel, request, interrupt);
    constexpr int streams[]{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    ask(channel, request, streams);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "vmkit: %s\n", error.what());
    return exit_status_of(error);
  }
}

}  // namespace

void add_exec(Program& program) {
  const auto options = std::make_shared<ExecOptions>();
  CLI::App* command = program.add(
      "exec", "Run another command in a running container",
      "It has the container's files, network and limits. Exit status: as of `vmkit run`. When "
      "this terminal is closed, the command gets SIGHUP.",
      {"vmkit exec web nginx -s reload", "vmkit exec -it web sh"});
  add_store(command, options->store);
  command->add_flag("-i,--interactive", options->interactive, "Pass standard input on");
  command->add_flag("-t,--tty", options->terminal, "Run it on a terminal, as ours is");
  command->add_flag("-d,--detach", options->detach, "Do not wait for it; its output is lost");
  command->add_flag("--privileged", options->privileged, "All capabilities, for this command");
  add_list(command, "--env,-e", options->env, "Set a variable (may be given more than once)",
           "K=V");
  command->add_option("--user,-u", options->user, "User, by name or number, with :GROUP if wanted");
  command->add_option("--workdir,-w", options->workdir, "Folder to start in")->type_name("DIR");
  add_container_name(command, options->container);
  program.takes_words(command);
  program.on(
      command,
      [&program, command, options] {
        return exec(*options, program.words_of(command), program.interrupt());
      },
      exit_own_failure);
}

}  // namespace cli
