// SPDX-License-Identifier: Apache-2.0
#include "launch/run_options.hpp"

#include "containers/names.hpp"
#include "launch/files.hpp"
#include "options/list_option.hpp"
#include "program.hpp"

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/oci/reference.hpp>

namespace cli {

using namespace vmkit;

void add_run_options(CLI::App* command, RunOptions& run) {
  add_store(command, run.store);
  add_registry(command, run.registry);
  command->add_option("--pull", run.pull, "When to ask the registry: missing, always, never")
      ->check(CLI::IsMember({"missing", "always", "never"}))
      ->capture_default_str();
  command->add_option("--name", run.name, "Of the container (default: picked)");
  command->add_flag("--rm", run.remove_at_end, "Remove the container when it has ended");
  command->add_option("--kernel", run.kernel, "Kernel to boot")->type_name("FILE");
  command->add_option("--modules", run.modules, "Its modules: the folder with modules.dep")
      ->type_name("DIR");
  command->add_option("--cpus", run.cpus, "Processors")->capture_default_str();
  command->add_option("--memory,-m", run.memory, "Memory")
      ->type_name("SIZE")
      ->capture_default_str();
  command->add_flag("-i,--interactive", run.interactive, "Pass standard input on");
  command->add_flag("-t,--tty", run.terminal, "Run it on a terminal, as ours is");
  add_list(command, "--env,-e", run.env, "Set a variable (may be given more than once)", "K=V");
  command->add_option("--user,-u", run.user, "User, by name or number, with :GROUP if wanted");
  command->add_option("--workdir,-w", run.workdir, "Folder to start in")->type_name("DIR");
  command->add_option("--stop-signal", run.stop_signal, "What ends it (default: as the image says)")
      ->type_name("SIGNAL");
  add_isolation(command, run.isolation);
  add_list(command, "--publish,-p", run.ports,
           "Make a port of the container reachable here, on 127.0.0.1 unless ADDRESS says "
           "otherwise (may be given more than once)",
           "[[ADDRESS:][PORT]:]PORT[/udp]");
  command->add_flag("--publish-all,-P", run.publish_all, "So all ports that the image exposes");
  add_list(command, "--expose", run.exposed, "A port for -P that the image does not name",
           "PORT[/udp]");
  add_list(command, "--copy-in", run.copies_in,
           "Copy a file or folder into the container before the command runs",
           "SOURCE:/DESTINATION");
  add_list(command, "--copy-out", run.copies_out,
           "Copy a file or folder out of the container when the command has ended",
           "/SOURCE:DESTINATION");
  add_options(command, run.attachments);
  add_reference(command, run.reference);
}

void add_options_of_run(CLI::App* command, RunOptions& run) {
  command->add_flag("-d,--detach", run.detach, "Leave it running, and print its id");
  add_json(command, run.json);
  command->add_flag("--timeline", run.timeline, "Print how long each step took");
  command
      ->add_option("--commit", run.commit,
                   "If the command succeeds, name an image with its changes")
      ->type_name("REF");
}

RunOptions parse_run_options(const std::vector<std::string>& arguments) {
  RunOptions run;
  CLI::App command;
  add_run_options(&command, run);
  add_options_of_run(&command, run);
  run.command = parse_words(command, arguments);
  return run;
}

void check(const RunOptions& options) {
  oci::Reference::parse(options.reference);
  ByteSize::parse(options.memory);
  if (!options.name.empty()) check_name(options.name);
  const auto isolation = isolation_of(options.isolation);
  if (!options.commit.empty()) {
    oci::Reference::parse(options.commit);
    if (isolation.writable_layer || isolation.writable_disk) {
      throw Error(Errc::invalid_argument,
                  "--commit: the command's changes must be on the disk, not in a layer of their "
                  "own; leave out --overlay and --storage-opt");
    }
  }
  if (options.detach && (options.timeline || !options.commit.empty())) {
    throw Error(Errc::invalid_argument,
                "--detach: --timeline and --commit are for who waits; leave them out");
  }
  check_copies(options);
}

}  // namespace cli
