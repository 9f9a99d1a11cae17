// SPDX-License-Identifier: Apache-2.0
// `vmkit __monitor`, which nobody types: the process that a detached container lives in.
#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <unistd.h>

#include "commands/commands.hpp"
#include "containers/search.hpp"
#include "monitor/client.hpp"
#include "monitor/supervisor.hpp"
#include "program.hpp"

namespace cli {
namespace {

using namespace vmkit;

/// Ends this process, in order, when the one that started it goes before the container runs.
class Starter {
 public:
  Starter()
      : channel_(Descriptor(monitor_channel)), thread_([this] {
          try {
            while (channel_.receive()) continue;
          } catch (const std::exception&) {
            // It sends nothing that we would understand.
          }
          if (!done_) ::kill(::getpid(), SIGTERM);
        }) {}
  ~Starter() { finish({{"started", false}}); }
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  /// Tells how it went, and lets it go.
  void finish(const nlohmann::json& message) {
    if (done_.exchange(true)) return;
    try {
      channel_.send(message);
    } catch (const Error&) {
      // It waits no longer.
    }
    channel_.close();
    thread_.join();
  }

 private:
  Channel channel_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

int monitor(const StoreOption& store, const std::string& id, const Interrupt& interrupt) {
  Starter starter;
  try {
    const Found found = find_container(store.folder(), id);
    std::error_code gone;  // then relative paths lead nowhere, which is told where they are used
    std::filesystem::current_path(found.entry.working_directory, gone);
    RunOptions options = parse_run_options(found.entry.arguments);
    options.store = store;
    options.registry.quiet = true;
    ProgressDisplay display(true);
    Supervisor supervisor(options, reopen(options, found.entry), display);
    Supervision how{.on_started = [&] { starter.finish({{"started", true}}); }};
    if (options.terminal) how.terminal.emplace();
    const Outcome outcome = supervisor.run(how, interrupt);
    if (!outcome.problem.empty()) {
      const Errc code = outcome.status == exit_not_found        ? Errc::not_found
                        : outcome.status == exit_not_executable ? Errc::permission_denied
                                                                : Errc::internal;
      throw Error(code, outcome.problem);
    }
  } catch (const Error& error) {
    starter.finish(to_json(error));
    throw;
  } catch (const std::exception& error) {
    starter.finish(to_json(Error(Errc::internal, error.what())));
    throw;
  }
  return 0;
}

}  // namespace

void add_monitor_process(Program& program) {
  struct Options {
    StoreOption store;
    std::string id;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add("__monitor", "", "", {});
  add_store(command, options->store);
  command->add_option("ID", options->id)->required();
  program.on(command, [&program, options] {
    return monitor(options->store, options->id, program.interrupt());
  });
}

}  // namespace cli
