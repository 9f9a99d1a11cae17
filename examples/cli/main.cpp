// SPDX-License-Identifier: Apache-2.0
// The vmkit program: a thin user of the library that shows what it can do. All policy (paths,
// environment, what is printed, exit statuses) is here.
#include "commands/commands.hpp"
#include "program.hpp"

int main(int argc, char** argv) {
  using namespace cli;
  const Interrupt interrupt;
  Program program(interrupt);
  program.add_group("Containers", {add_run, add_create, add_start, add_stop, add_restart, add_kill,
                                   add_pause, add_wait, add_rm, add_rename, add_prune});
  program.add_group("Inside of containers", {add_exec, add_attach, add_cp, add_logs});
  program.add_group("What there is",
                    {add_ps, add_inspect, add_port, add_stats, add_top, add_events});
  program.add_group("Images", {add_pull, add_push, add_images, add_tag, add_rmi, add_history,
                               add_load, add_save, add_commit, add_check});
  program.add_group("Disks", {add_volume, add_snapshot, add_unpack, add_export});
  program.add_group("This host", {add_doctor, add_completion});
  program.add_group("", {add_monitor_process, add_complete});
  return program.run(argc, argv);
}
