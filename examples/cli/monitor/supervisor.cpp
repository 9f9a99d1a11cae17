// SPDX-License-Identifier: Apache-2.0
#include "monitor/supervisor.hpp"

#include <algorithm>
#include <utility>

#include "launch/files.hpp"
#include "monitor/server.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using namespace std::chrono_literals;

// For what else runs in the container when its process has ended, or is interrupted.
constexpr auto stop_grace = 10s;

}  // namespace

Supervisor::Supervisor(RunOptions options, Launched launched, ProgressDisplay& display)
    : options_(std::move(options)), display_(display), launched_(std::move(launched)) {}

Supervisor::~Supervisor() = default;

Outcome Supervisor::run(const Supervision& how, const Interrupt& interrupt) {
  const CallOptions call{.stop = interrupt.token(), .progress = display_.callback()};
  Outcome outcome{exit_own_failure};
  try {
    outcome = run_to_end(how, call);
  } catch (const Error& error) {
    outcome.problem = error.what();
    if (error.code() == Errc::cancelled && interrupt.signal() != 0) {
      outcome.status = exit_signal_base + interrupt.signal();
      if (launched_.kept) stop_in_order(interrupt.signal());
    }
    close(outcome);
    throw;
  } catch (const std::exception& error) {
    outcome.problem = error.what();
    close(outcome);
    throw;
  }
  close(outcome);
  return outcome;
}

Outcome Supervisor::run_to_end(const Supervision& how, const CallOptions& call) {
  container::Container& box = launched_.box;
  box.start(call);
  copy_in(box, options_, display_, call);
  display_.finish();
  show_ports(box, options_, display_);
  const auto ready = std::chrono::steady_clock::now();
  try {
    process_ = start_process(launched_, options_, how.terminal, call);
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled) throw;
    return {exit_status_of(error), error.what()};
  }
  process_time_ = std::chrono::steady_clock::now() - ready;
  input_taken_ = how.front.input >= 0;
  begin(how, call);
  RelayEnds ends{.output = writer(OutputStream::out, how.front.output), .input = how.front.input};
  if (!options_.terminal) ends.errors = writer(OutputStream::err, how.front.errors);
  const Outcome outcome{exit_status_of(relay(*process_, ends, call))};
  {
    const std::lock_guard lock(mutex_);
    exited_ = true;
  }
  changed_.notify_all();
  if (how.on_exit) how.on_exit();
  copy_out(box, options_, display_, call);
  display_.finish();
  box.stop(stop_grace, call);
  if (how.at_rest && outcome.status == 0) how.at_rest();
  return outcome;
}

void Supervisor::begin(const Supervision& how, const CallOptions& call) {
  call.check("run");
  log_.emplace(launched_.entry.folder);
  const auto socket = socket_path(launched_.entry.id);
  server_ = std::make_unique<Server>(*this, socket);
  note([&](Entry& entry) {
    entry.state = Entry::State::running;
    entry.started = std::chrono::system_clock::now();
    entry.finished.reset();
    entry.exit_status = 0;
    entry.error.clear();
    entry.socket = socket;
  });
  if (how.on_started) how.on_started();
}

OutputWriter Supervisor::writer(OutputStream stream, const OutputWriter& front) {
  return [this, stream, &front](std::span<const std::byte> data, const StopToken& stop) {
    log_->write(stream, data);
    {
      const std::lock_guard lock(listeners_mutex_);
      for (Listener* listener : listeners_) {
        if (listener->gone_) continue;
        // One that does not read must not hold up the end.
        const StopCallback at_end(stop, [&] { listener->stop_.request_stop(); });
        try {
          const auto& write = listener->writers_[static_cast<std::size_t>(stream)];
          listener->gone_ = !write(data, listener->stop_.token());
        } catch (const Error&) {
          listener->gone_ = true;  // its own trouble
        }
      }
    }
    return !front || front(data, stop);
  };
}

Supervisor::Listener::Listener(Supervisor& supervisor, OutputWriter output, OutputWriter errors)
    : supervisor_(supervisor), writers_{std::move(output), std::move(errors)} {
  const std::lock_guard lock(supervisor_.listeners_mutex_);
  supervisor_.listeners_.push_back(this);
}

Supervisor::Listener::~Listener() {
  stop_.request_stop();  // whoever writes there now lets go of the mutex
  const std::lock_guard lock(supervisor_.listeners_mutex_);
  supervisor_.listeners_.remove(this);
}

void Supervisor::stop_in_order(int signal) noexcept {
  try {
    if (process_) process_->signal(signal, CallOptions{}.with_timeout(1s));
    launched_.box.stop(stop_grace);
  } catch (const std::exception&) {
    // It had not been started, or has ended.
  }
}

void Supervisor::close(const Outcome& outcome) {
  if (server_) server_->stop_accepting();
  ending_.request_stop();
  launched_.box.kill();  // nothing happens if it has ended in order
  {
    const std::unique_lock lock(box_mutex_);
    box_gone_ = true;
  }
  // One that never ran is left to whoever asked for it, who wants to know why.
  const bool remove = launched_.kept && launched_.entry.remove_at_end && server_ != nullptr;
  if (launched_.kept && !remove) {
    try {
      note([&](Entry& entry) {
        entry.state = Entry::State::exited;
        entry.finished = std::chrono::system_clock::now();
        entry.exit_status = outcome.status;
        entry.error = outcome.problem;
        entry.socket.clear();
      });
    } catch (const std::exception&) {
      // A full disk: it will be taken for dead, and can be started or removed as one that is.
    }
  }
  process_.reset();
  if (remove) launched_.box.remove();
  {
    const container::Container gone = std::move(launched_.box);
  }  // the folder is free from here on
  {
    const std::lock_guard lock(mutex_);
    exited_ = true;
    end_ = {{"exit", outcome.status}, {"error", outcome.problem}};
  }
  changed_.notify_all();
  server_.reset();
}

Supervisor::Use Supervisor::use() {
  std::shared_lock lock(box_mutex_);
  if (box_gone_) {
    throw Error(Errc::failed_precondition,
                "container " + launched_.entry.name + " has ended; `vmkit start` starts it again");
  }
  return {std::move(lock), launched_.box};
}

Supervisor::Use Supervisor::use_running() {
  Use used = use();
  if (used.box.state() == vm::MachineState::paused) {
    throw Error(Errc::failed_precondition,
                "container " + launched_.entry.name + " is paused; `vmkit unpause` lets it go on");
  }
  return used;
}

std::string Supervisor::stop_signal() const {
  const std::string& images = launched_.config.stop_signal;
  return options_.stop_signal.value_or(images.empty() ? "TERM" : images);
}

bool Supervisor::wait_for_exit(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return exited_; });
}

nlohmann::json Supervisor::wait_for_end() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return end_.has_value(); });
  return *end_;
}

void Supervisor::note(const std::function<void(Entry&)>& change) {
  if (const auto noted = load_entry(launched_.entry.folder)) {
    launched_.entry.name = noted->name;  // it may have been renamed
  }
  change(launched_.entry);
  save(launched_.entry);
}

}  // namespace cli
