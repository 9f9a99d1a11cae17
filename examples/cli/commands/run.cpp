// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <unistd.h>

#include "commands/commands.hpp"
#include "containers/search.hpp"
#include "images/commit_disk.hpp"
#include "launch/launch.hpp"
#include "monitor/client.hpp"
#include "monitor/supervisor.hpp"
#include "program.hpp"
#include "terminal/raw_terminal.hpp"

#include <vmkit/container/record.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Clock = std::chrono::steady_clock;

struct Times {
  std::chrono::nanoseconds pull{0};
  bool unpacked = false;
  container::Timeline steps;
  std::chrono::nanoseconds first_process{0};
  std::chrono::nanoseconds total{0};
};

void print_timeline(const Times& times) {
  const auto line = [](const char* what, std::chrono::nanoseconds time, const char* note = "") {
    const auto tenths = std::chrono::duration_cast<std::chrono::microseconds>(time).count() / 100;
    std::fprintf(stderr, "  %-14s %8lld.%lld ms%s\n", what, static_cast<long long>(tenths / 10),
                 static_cast<long long>(tenths % 10), note);
  };
  std::fprintf(stderr, "timeline:\n");
  line("pull", times.pull, times.unpacked ? "  (layers are unpacked while they come)" : "");
  line("unpack", times.steps.unpack,
       times.unpacked                                      ? "  (part of the pull)"
       : times.steps.unpack == std::chrono::nanoseconds(0) ? "  (cached)"
                                                           : "");
  line(
      "clone", times.steps.clone,
      times.steps.clone_method == disk::CloneMethod::cow ? "  (copy-on-write)" : "  (sparse copy)");
  line("boot to agent", times.steps.boot);
  line("first process", times.steps.mount + times.first_process,
       "  (root mounted, program running)");
  line("total", times.total);
}

int run_detached(Launched launched, const RunOptions& options, const Interrupt& interrupt) {
  const Entry entry = launched.entry;
  // The monitor takes it.
  { const container::Container ours = std::move(launched.box); }
  try {
    start_monitor(entry, options.store.folder(), interrupt);
  } catch (const Error& error) {
    const auto noted = load_entry(entry.folder);
    if (options.remove_at_end) discard(entry);
    if (error.code() == Errc::cancelled || !noted || noted->state != Entry::State::exited) throw;
    std::fprintf(stderr, "vmkit: %s\n", error.what());
    return noted->exit_status;
  }
  print_id(entry, options.json);
  return 0;
}

int run(const RunOptions& options, const std::vector<std::string>& arguments,
        const Interrupt& interrupt) {
  const auto begin = Clock::now();
  check(options);
  if (options.json && !options.detach) {
    throw Error(Errc::invalid_argument, "--json: is for --detach; the output is the command's");
  }
  std::optional<agent::TerminalSize> terminal;
  if (options.terminal && !options.detach && !(terminal = terminal_size())) {
    throw Error(Errc::failed_precondition, "--tty: standard input is no terminal");
  }
  ProgressDisplay display(options.registry.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  require_kernel(options);
  const auto folder = options.store.folder();
  auto store = oci::ImageStore::open(folder);
  sweep(folder);
  if (!options.name.empty()) require_free_name(folder, options.name);
  const bool kept = options.detach || !options.remove_at_end;
  const FoundImage found = find_image(options, store, kept, call);
  Times times;
  times.pull = Clock::now() - begin;
  times.unpacked = found.unpacked;
  Launched launched = make_container(options, arguments, store, found, kept, call);
  if (options.detach) {
    display.finish();
    return run_detached(std::move(launched), options, interrupt);
  }

  const Entry entry = launched.entry;
  Supervisor supervisor(options, std::move(launched), display);
  std::optional<RawTerminal> raw;
  Supervision how{
      .terminal = terminal,
      .front = {.output = writer_to(STDOUT_FILENO),
                .errors = writer_to(STDERR_FILENO),
                .input = options.interactive ? STDIN_FILENO : -1},
      .on_started =
          [&] {
            times.steps = supervisor.use().box.timeline();
            times.total = Clock::now() - begin;
            times.first_process = supervisor.process_time();
            if (terminal) {
              raw.emplace([&](agent::TerminalSize size) { supervisor.process().resize(size); });
            }
          },
      .on_exit =
          [&] {
            raw.reset();
            if (options.timeline) print_timeline(times);
          }};
  if (!options.commit.empty()) {
    how.at_rest = [&] {
      std::string by = "vmkit run";
      for (const std::string& word : options.command) by += ' ' + word;
      const auto made =
          commit_disk(store, found.image, container::container_disk(entry.folder),
                      oci::Reference::parse(options.commit), {.created_by = by}, call);
      display.say(made);
    };
  }
  struct TerminalAtEnd {
    std::optional<RawTerminal>& raw;
    ~TerminalAtEnd() { raw.reset(); }
  };
  const TerminalAtEnd at_end{raw};
  const Outcome outcome = supervisor.run(how, interrupt);
  if (!outcome.problem.empty()) std::fprintf(stderr, "vmkit: %s\n", outcome.problem.c_str());
  return outcome.status;
}

}  // namespace

void add_run(Program& program) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* command = program.add(
      "run", "Run a command in a container of its own machine",
      "After REF comes the command with its arguments (default: the image's own). The container "
      "stays when the command has ended, stopped, until `vmkit rm`; with --rm it goes. While it "
      "runs, others can exec in it, copy, stop it.\n\n"
      "Exit status: the command's own, 128+n if signal n ended it; 127 if it was not found, 126 if "
      "it is not executable, 125 if vmkit itself failed.",
      {"vmkit run --rm -it debian:12 bash", "vmkit run -d --name web -p 8080:80 nginx"});
  add_run_options(command, *options);
  add_options_of_run(command, *options);
  program.takes_words(command);
  program.on(
      command,
      [&program, command, options] {
        options->command = program.words_of(command);
        return run(*options, program.arguments(), program.interrupt());
      },
      exit_own_failure);
}

}  // namespace cli
