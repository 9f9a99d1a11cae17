// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cli {

class Program;

// Each adds one command, or a family of them, with its options and help; the file of the same name
// has what it does.
void add_attach(Program& program);
void add_check(Program& program);
void add_commit(Program& program);
void add_complete(Program& program);
void add_completion(Program& program);
void add_cp(Program& program);
void add_create(Program& program);
void add_doctor(Program& program);
void add_events(Program& program);
void add_exec(Program& program);
void add_export(Program& program);
void add_history(Program& program);
void add_images(Program& program);
void add_inspect(Program& program);
void add_kill(Program& program);
void add_load(Program& program);
void add_logs(Program& program);
void add_monitor_process(Program& program);
void add_pause(Program& program);
void add_port(Program& program);
void add_prune(Program& program);
void add_ps(Program& program);
void add_pull(Program& program);
void add_push(Program& program);
void add_rename(Program& program);
void add_restart(Program& program);
void add_rm(Program& program);
void add_rmi(Program& program);
void add_run(Program& program);
void add_save(Program& program);
void add_snapshot(Program& program);
void add_start(Program& program);
void add_stats(Program& program);
void add_stop(Program& program);
void add_tag(Program& program);
void add_top(Program& program);
void add_unpack(Program& program);
void add_volume(Program& program);
void add_wait(Program& program);

}  // namespace cli
