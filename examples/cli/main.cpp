// SPDX-License-Identifier: Apache-2.0
// The vmkit program: a thin user of the library that shows what it can do. All policy (paths,
// environment, what is printed, exit statuses) is here.
#include "commands/commands.hpp"
#include "program.hpp"

int main(int argc, char** argv) {
  const cli::Interrupt interrupt;
  cli::Program program(interrupt);
  for (const auto add : {
           cli::add_run,    cli::add_create, cli::add_start,  cli::add_stop,
           cli::add_kill,   cli::add_wait,   cli::add_rm,     cli::add_ps,
           cli::add_exec,   cli::add_logs,   cli::add_pull,   cli::add_images,
           cli::add_load,   cli::add_save,   cli::add_check,  cli::add_rmi,
           cli::add_unpack, cli::add_export, cli::add_doctor, cli::add_monitor_process,
       }) {
    add(program);
  }
  return program.run(argc, argv);
}
