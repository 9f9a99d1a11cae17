// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <shared_mutex>
#include <string>

#include "launch/launch.hpp"
#include "launch/run_options.hpp"
#include "monitor/output_log.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/stdio_relay.hpp"

namespace cli {

class Server;

/// How a container is looked after, by whoever is its foreground.
struct Supervision {
  std::optional<vmkit::agent::TerminalSize> terminal = {};
  /// Where its output goes besides the log, and its input comes from; may be empty.
  RelayEnds front = {};
  std::function<void()> on_started = {};  ///< The process runs, and clients are served.
  std::function<void()> on_exit = {};     ///< It has ended, the machine runs.
  std::function<void()> at_rest = {};     ///< The machine has ended in order.
};

/// The exit status of a container, and why it could not be run, if it could not.
struct Outcome {
  int status = 0;
  std::string problem = {};
};

/// Runs one container to its end, in this process: starts it, keeps its output, serves clients on
/// its socket, and notes how it ended. It is what the process of `run` does, and the monitor of a
/// detached one. Thread-safe but for run().
class Supervisor {
 public:
  Supervisor(RunOptions options, Launched launched, ProgressDisplay& display);
  ~Supervisor();

  /// Once. Returns when all is noted and the container's folder is free, or gone. Throws what the
  /// library throws.
  Outcome run(const Supervision& how, const Interrupt& interrupt);

  /// The container, for as long as the object lives; failed_precondition when it has ended.
  struct Use {
    std::shared_lock<std::shared_mutex> lock;
    vmkit::container::Container& box;
  };
  Use use();
  /// The same; failed_precondition, too, if it is paused, for it would not answer.
  Use use_running();
  vmkit::agent::Process& process() { return *process_; }
  const RunOptions& options() const { return options_; }
  /// How long it took to start the process.
  std::chrono::nanoseconds process_time() const { return process_time_; }
  /// What the process is asked to end with: the name of a signal, or its number.
  std::string stop_signal() const;
  /// The right to write the process's input; false if somebody has it, or it has none.
  bool take_input() { return options_.interactive && !input_taken_.exchange(true); }
  void give_input_back() { input_taken_ = false; }
  /// Requested when the container ends: calls for clients must not outlive it.
  vmkit::StopToken ending() const { return ending_.token(); }

  /// Waits for the process; false if it has not ended in time.
  bool wait_for_exit(std::chrono::milliseconds limit);
  /// Waits until all is over; then {"exit": STATUS, "error": TEXT}.
  nlohmann::json wait_for_end();

  /// Until the object's end what the container writes is written there too.
  class Listener {
   public:
    Listener(Supervisor& supervisor, OutputWriter output, OutputWriter errors);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    friend class Supervisor;
    Supervisor& supervisor_;
    OutputWriter writers_[2];
    vmkit::StopSource stop_;
    bool gone_ = false;
  };

 private:
  Outcome run_to_end(const Supervision& how, const vmkit::CallOptions& call);
  void begin(const Supervision& how, const vmkit::CallOptions& call);
  OutputWriter writer(OutputStream stream, const OutputWriter& front);
  void stop_in_order(int signal) noexcept;
  void close(const Outcome& outcome);
  void note(const std::function<void(Entry&)>& change);

  const RunOptions options_;
  ProgressDisplay& display_;
  Launched launched_;
  std::optional<OutputLog> log_;
  std::optional<vmkit::agent::Process> process_;
  std::chrono::nanoseconds process_time_{0};
  vmkit::StopSource ending_;
  std::atomic<bool> input_taken_{false};
  std::mutex listeners_mutex_;  // guards `listeners_`
  std::list<Listener*> listeners_;
  std::shared_mutex box_mutex_;  // held by who uses the container
  bool box_gone_ = false;        // guarded by it
  std::mutex mutex_;             // guards what follows
  std::condition_variable changed_;
  bool exited_ = false;
  std::optional<nlohmann::json> end_;
  std::unique_ptr<Server> server_;
};

}  // namespace cli
