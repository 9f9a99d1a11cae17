// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/run.hpp"

#include <algorithm>
#include <array>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include "vm/vz/saved_state.hpp"

namespace vmkit::vm::vz {
namespace {

constexpr std::size_t tail_lines = 80;
constexpr std::chrono::milliseconds stop_pause(20);
constexpr std::chrono::milliseconds start_patience(1000);  // of a start that is not wanted any more

MachineEvent failed(Error error) {
  return {MachineState::failed, MachineEventReason::failed, std::move(error)};
}

}  // namespace

Run::Run(const RunSetup& setup, Framework& framework, detail::MachineStatus& status,
         detail::ConsoleRecorder& console, std::atomic<KillCause>& kill_cause)
    : setup_(setup),
      framework_(framework),
      status_(status),
      console_(console),
      kill_cause_(kill_cause) {
  os::DescriptorPair pipe = os::make_pipe();
  os::set_nonblocking(pipe.first.get());
  console_fd_ = std::move(pipe.first);
  theirs_.console = std::move(pipe.second);
  for (std::size_t i = 0; i < setup_.plan.ports.size(); ++i) {
    os::DescriptorPair pair = make_port_pair();
    ports_.push_back(std::make_shared<PortEnd>(std::move(pair.first)));
    theirs_.ports.push_back(std::move(pair.second));
  }
  for (const os::Descriptor& frames : setup_.networks) {
    theirs_.networks.push_back(frames ? os::duplicate(frames.get()) : os::Descriptor());
  }
}

Run::~Run() {
  inbox_->close();
  for (const auto& [port, backlog] : listeners) backlog->close();
  for (const auto& port : ports_) port->shut_down();
}

MachineEvent Run::run() {
  machine_ = framework_.make_machine(setup_.plan, std::move(theirs_), listener());
  if (setup_.saved_state.empty()) {
    answer_deadline_ = Clock::now() + setup_.response_limit;
    expect_life();
    machine_->start(then(&Run::started));
  } else {
    answer_deadline_ = Clock::now() + state_limit(setup_.response_limit, setup_.plan.memory);
    show_life();  // it has booted before it was saved
    machine_->restore(setup_.saved_state, then(&Run::restored));
  }
  while (!end_) {
    poll_once();
    for (const Inbox::Task& task : inbox_->take()) task();
    read_console();
    check();
  }
  for (const auto& port : ports_) port->shut_down();
  for (const auto& [port, backlog] : listeners) backlog->close();
  release();
  for (int i = 0; i < 256 && read_console(); ++i) {
  }
  MachineEvent event = *end_;
  if (event.error) {
    event.error =
        Error(event.error->code(),
              event.error->what() + ("; " + detail::console_text(console_.tail(tail_lines))),
              event.error->native());
  }
  return event;
}

// Callbacks come in threads of the framework's, and perhaps late: they own the inbox, and what they
// put there is done by this thread, or never.
MachineListener Run::listener() {
  const auto post = [this](auto handle) {
    return [inbox = inbox_, handle] { inbox->post(handle); };
  };
  const auto post_error = [this](auto handle) {
    return [inbox = inbox_, handle](Error error) {
      inbox->post([handle, error = std::move(error)] { handle(error); });
    };
  };
  return {.guest_stopped = post([this] {
            end({MachineState::stopped, MachineEventReason::guest_stopped});
          }),
          .broke_down = post_error([this](const Error& error) {
            end(failed(error.with_context("the machine broke down")));
          }),
          .port_opened = post([this] { show_life(); }),
          .device_lost = post_error([this](const Error& error) {
            setup_.log.warning("a device lost its network or its disk",
                               {{"machine", setup_.machine}, {"error", error.what()}});
            status_.announce(MachineEventReason::device_lost, error);
          }),
          .released = post([this] { released_ = true; })};
}

Completion Run::then(void (Run::*handle)(std::optional<Error>)) {
  return [this, inbox = inbox_, handle](std::optional<Error> error) {
    inbox->post([this, handle, error = std::move(error)] { (this->*handle)(error); });
  };
}

void Run::poll_once() {
  std::array fds = {pollfd{inbox_->fd(), POLLIN, 0}, pollfd{console_fd_.get(), POLLIN, 0}};
  auto until = Clock::now() + std::chrono::hours(1);
  for (const auto& deadline : {answer_deadline_, life_deadline_, next_stop_}) {
    if (deadline) until = std::min(until, *deadline);
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(wait.count(), 0)));
}

void Run::check() {
  if (end_) return;
  if (const KillCause cause = kill_cause_; cause != KillCause::none) pull_plug(cause);
  const auto now = Clock::now();
  if (answer_deadline_ && now >= *answer_deadline_) {
    const bool unwanted = cause_ != KillCause::none && !up_;
    end(unwanted ? judge_kill()
                 : failed(Error(Errc::timeout, "virtualization.framework hangs: no answer within " +
                                                   std::to_string(setup_.response_limit.count()) +
                                                   " ms, so the machine is let go")));
  } else if (life_deadline_ && now >= *life_deadline_) {
    pull_plug(KillCause::no_sign_of_life);
  } else if (next_stop_ && now >= *next_stop_) {
    next_stop_.reset();
    machine_->stop(then(&Run::stopped));
  }
}

void Run::started(std::optional<Error> error) {
  if (!came_up(error)) return;
  status_.enter_from(MachineState::starting, MachineState::running, MachineEventReason::started);
}

void Run::restored(std::optional<Error> error) {
  if (!came_up(error)) return;
  status_.enter_from(MachineState::starting, MachineState::paused, MachineEventReason::restored);
}

bool Run::came_up(const std::optional<Error>& error) {
  if (error) {
    end(cause_ == KillCause::none ? failed(*error) : judge_kill());
    return false;
  }
  up_ = true;
  if (cause_ != KillCause::none) {
    next_stop_ = Clock::now();
    return false;
  }
  answer_deadline_.reset();
  return true;
}

void Run::paused() {
  life_deadline_.reset();  // a halted processor cannot speak
  status_.enter_from(MachineState::running, MachineState::paused, MachineEventReason::paused);
}

void Run::resumed() {
  if (!alive_) expect_life();
  status_.enter_from(MachineState::paused, MachineState::running, MachineEventReason::resumed);
}

void Run::expect_life() {
  if (setup_.boot_watchdog.count() > 0) life_deadline_ = Clock::now() + setup_.boot_watchdog;
}

void Run::show_life() {
  alive_ = true;
  life_deadline_.reset();
}

bool Run::read_console() {
  std::array<char, 64 << 10> buffer;
  const ssize_t count = ::read(console_fd_.get(), buffer.data(), buffer.size());
  if (count == 0) console_fd_.reset();  // its end would wake us again and again
  if (count <= 0) return false;
  const std::string_view output(buffer.data(), static_cast<std::size_t>(count));
  console_.append(output);
  show_life();
  if (restart_watch_.read(output) && !end_) pull_plug(KillCause::restart);
  return true;
}

// The first cause counts. While the machine starts it cannot be stopped: then it is when it has.
void Run::pull_plug(KillCause cause) {
  if (cause_ != KillCause::none) return;
  cause_ = cause;
  life_deadline_.reset();
  // One that does not come up has nothing to be saved: whoever wants its end need not wait long.
  answer_deadline_ = Clock::now() + (up_ ? setup_.response_limit
                                         : std::min(setup_.response_limit, start_patience));
  if (up_) machine_->stop(then(&Run::stopped));
}

void Run::stopped(std::optional<Error> error) {
  if (error) {
    // Between two states, perhaps just ending by itself. The answer's deadline ends this.
    next_stop_ = Clock::now() + stop_pause;
    return;
  }
  end(judge_kill());
}

/// A guest that ended by itself before its plug was pulled has still ended by itself.
void Run::end(MachineEvent event) {
  if (end_) return;
  silent_ = cause_ == KillCause::no_sign_of_life && event.reason == MachineEventReason::failed;
  end_ = std::move(event);
}

// The next machine may need the disks, which are free when this one's objects are gone.
void Run::release() {
  machine_.reset();
  const auto deadline = Clock::now() + setup_.response_limit;
  while (!released_ && Clock::now() < deadline) {
    answer_deadline_ = deadline;
    life_deadline_.reset();
    next_stop_.reset();
    poll_once();
    for (const Inbox::Task& task : inbox_->take()) task();
    read_console();
  }
}

MachineEvent Run::judge_kill() const {
  switch (cause_) {
    case KillCause::none:
    case KillCause::requested:
      break;
    case KillCause::start_given_up:
      return failed(Error(Errc::cancelled, "the start was given up before the machine ran"));
    case KillCause::no_sign_of_life:
      return failed(Error(Errc::timeout,
                          "no sign of life from the guest's kernel within " +
                              std::to_string(setup_.boot_watchdog.count()) +
                              " ms (no console output, no port opened by it): is it a kernel for "
                              "this Mac, with a virtio console built in?"));
    case KillCause::restart:
      return {MachineState::failed, MachineEventReason::guest_crashed,
              Error(Errc::unavailable,
                    "the guest's kernel panicked or wanted to reboot, which ends a machine here")};
  }
  return {MachineState::stopped, MachineEventReason::killed};
}

}  // namespace vmkit::vm::vz
