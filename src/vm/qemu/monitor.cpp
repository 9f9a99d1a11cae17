// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/monitor.hpp"

#include <algorithm>
#include <array>
#include <poll.h>
#include <utility>
#include <variant>

namespace vmkit::vm::qemu {
namespace {

constexpr std::size_t tail_lines = 80;

std::string to_text(std::chrono::milliseconds time) {
  return std::to_string(time.count()) + " ms";
}

}  // namespace

Monitor::Monitor(const MonitorSetup& setup, detail::MachineStatus& status,
                 detail::ConsoleRecorder& console, Mailbox& mailbox, MonitorFacts& facts)
    : setup_(setup), status_(status), console_(console), mailbox_(mailbox), facts_(facts) {}

MachineEvent Monitor::run() {
  for (;;) {
    if (mailbox_.kill_cause() != KillCause::none) {
      return judge(Evidence{.cause = mailbox_.kill_cause()});
    }
    const unsigned attempt = ++facts_.attempts;
    const Evidence evidence = run_once();
    MachineEvent event = judge(evidence);
    if (event.error) event.error = event.error->with_context("machine " + setup_.machine);
    const bool retry = evidence.cause == KillCause::no_sign_of_life && attempt == 1 &&
                       event.reason == MachineEventReason::failed;
    if (!retry) return event;
    setup_.log.warning("no sign of life from the guest; starting it a second time",
                       {{"machine", setup_.machine}});
    status_.announce(MachineEventReason::boot_retried, event.error);
  }
}

Evidence Monitor::run_once() {
  const bool adopted = setup_.launch.adopted != nullptr;
  evidence_ = {.kernel = setup_.kernel, .adopted = adopted, .restores = setup_.restores};
  negotiation_id_ = 0;
  alive_ = setup_.restores || adopted;  // it has shown life before
  Process process(setup_.launch);
  facts_.set_processes(process.pids());
  answer_deadline_ = Clock::now() + setup_.response_limit;
  daemon_deadline_.reset();
  life_deadline_.reset();
  if (!alive_ && setup_.boot_watchdog.count() > 0)
    life_deadline_ = Clock::now() + setup_.boot_watchdog;
  while (!process.poll()) {
    poll_once(process);
    serve_mailbox(process);
    listen(process);
    watch_daemons(process);
    check_deadlines(process);
  }
  evidence_.exit = *process.poll();
  facts_.set_processes({});
  drain(process);
  evidence_.error_output = process.error_output();
  evidence_.console = console_.tail(tail_lines);
  for (const auto& [id, command] : std::exchange(sent_, {})) {
    mailbox_.fail(*command, Error(Errc::unavailable, "machine " + setup_.machine +
                                                         ": it ended before it could '" +
                                                         command->command.name + "'"));
  }
  return std::exchange(evidence_, {});
}

void Monitor::poll_once(Process& process) {
  std::vector<pollfd> fds = {
      pollfd{mailbox_.fd(), POLLIN, 0}, pollfd{process.exit_event(), POLLIN, 0},
      pollfd{process.qmp().fd(), process.qmp().events(), 0},
      pollfd{process.console_fd(), POLLIN, 0}, pollfd{process.error_fd(), POLLIN, 0}};
  if (!daemon_deadline_) {
    for (const os::ChildProcess& daemon : process.daemons()) {
      fds.push_back({daemon.exit_event(), POLLIN, 0});
    }
  }
  if (fds[2].events == 0) fds[2].fd = -1;  // its end would wake us again and again
  auto until = Clock::now() + std::chrono::hours(1);
  if (answer_deadline_) until = std::min(until, *answer_deadline_);
  if (life_deadline_) until = std::min(until, *life_deadline_);
  if (daemon_deadline_) until = std::min(until, *daemon_deadline_);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(wait.count(), 0)));
}

void Monitor::serve_mailbox(Process& process) {
  mailbox_.clear();
  if (mailbox_.kill_cause() != KillCause::none) kill(process, mailbox_.kill_cause());
  if (!evidence_.came_up) return;
  while (auto command = mailbox_.take()) {
    const std::uint64_t id = process.qmp().send(command->command);
    sent_.emplace(id, std::move(command));
  }
}

void Monitor::listen(Process& process) {
  if (process.read_console(console_)) show_life();
  process.read_errors();
  try {
    for (const QmpMessage& message : process.qmp().exchange()) handle(message, process);
  } catch (const Error& error) {
    kill(process, KillCause::garbled, error.what());
  }
  if (process.qmp().ended() && !answer_deadline_ && evidence_.cause == KillCause::none) {
    answer_deadline_ = Clock::now() + setup_.response_limit;  // by then it is to be gone
  }
}

void Monitor::handle(const QmpMessage& message, Process& process) {
  if (std::holds_alternative<QmpGreeting>(message)) {
    if (negotiation_id_ == 0) negotiation_id_ = process.qmp().send({"qmp_capabilities"});
  } else if (const auto* reply = std::get_if<QmpReply>(&message)) {
    handle_reply(*reply);
  } else {
    handle_event(std::get<QmpEvent>(message));
  }
}

void Monitor::handle_reply(const QmpReply& reply) {
  if (negotiation_id_ != 0 && reply.id == negotiation_id_ && !evidence_.came_up) {
    if (reply.error) throw Error(Errc::data_corruption, "qemu refused to talk: " + *reply.error);
    evidence_.came_up = true;
    answer_deadline_.reset();
    mailbox_.wake();  // commands may have been waiting for this
    if (!setup_.restores && !evidence_.adopted) {
      status_.enter_from(MachineState::starting, MachineState::running,
                         MachineEventReason::started);
    }
    return;
  }
  const auto found = sent_.find(reply.id);
  if (found == sent_.end()) {
    throw Error(Errc::data_corruption,
                "qemu answered a command that nobody gave (id " + std::to_string(reply.id) + ")");
  }
  Mailbox::Command& command = *found->second;
  if (reply.error) {
    mailbox_.fail(
        command, Error(Errc::failed_precondition, "machine " + setup_.machine + ": qemu refused '" +
                                                      command.command.name + "': " + *reply.error));
  } else {
    mailbox_.complete(command, reply.result);
  }
  sent_.erase(found);
}

void Monitor::handle_event(const QmpEvent& event) {
  if (event.name == "SHUTDOWN") {
    evidence_.shutdown_reason = event.text("reason").value_or("unknown");
    show_life();
  } else if (event.name == "VSERPORT_CHANGE") {
    if (event.flag("open")) show_life();
  } else if (event.name == "STOP") {
    life_deadline_.reset();  // a halted processor cannot speak
    status_.enter(MachineState::paused, MachineEventReason::paused);
  } else if (event.name == "RESUME") {
    if (!alive_ && setup_.boot_watchdog.count() > 0) {
      life_deadline_ = Clock::now() + setup_.boot_watchdog;
    }
    status_.enter_from(MachineState::paused, MachineState::running, MachineEventReason::resumed);
  }
}

// Without its daemon a share hangs whoever touches it, for ever. But a daemon also ends with QEMU,
// perhaps a moment before it.
void Monitor::watch_daemons(Process& process) {
  if (daemon_deadline_) return;
  for (os::ChildProcess& daemon : process.daemons()) {
    if (const auto status = daemon.poll()) {
      daemon_end_ = os::to_string(*status);
      daemon_deadline_ = Clock::now() + std::chrono::seconds(1);
    }
  }
}

void Monitor::check_deadlines(Process& process) {
  const auto now = Clock::now();
  if (answer_deadline_ && now >= *answer_deadline_) {
    kill(process, KillCause::no_answer, to_text(setup_.response_limit));
  } else if (life_deadline_ && now >= *life_deadline_) {
    kill(process, KillCause::no_sign_of_life, to_text(setup_.boot_watchdog));
  } else if (daemon_deadline_ && now >= *daemon_deadline_) {
    kill(process, KillCause::daemon_ended, daemon_end_);
  }
}

void Monitor::show_life() {
  alive_ = true;
  life_deadline_.reset();
}

void Monitor::kill(Process& process, KillCause cause, std::string text) {
  answer_deadline_.reset();
  life_deadline_.reset();
  daemon_deadline_ = Clock::time_point::max();
  if (evidence_.cause != KillCause::none) return;
  evidence_.cause = cause;
  evidence_.cause_text = std::move(text);
  process.kill();
}

// What QEMU said last may still be in the pipes.
void Monitor::drain(Process& process) {
  for (int i = 0; i < 256 && process.read_console(console_); ++i) {
  }
  while (process.read_errors()) {
  }
  try {
    for (const QmpMessage& message : process.qmp().exchange()) {
      if (const auto* event = std::get_if<QmpEvent>(&message)) handle_event(*event);
    }
  } catch (const Error&) {
    // Garbage from a process that is gone changes nothing.
  }
}

}  // namespace vmkit::vm::qemu
