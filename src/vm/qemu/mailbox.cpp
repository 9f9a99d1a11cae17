// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/mailbox.hpp"

#include <utility>

namespace vmkit::vm::qemu {

nlohmann::json Mailbox::execute(QmpCommand wanted, std::chrono::milliseconds limit,
                                const CallOptions& options) {
  const auto command = std::make_shared<Command>(Command{std::move(wanted)});
  const std::string what = "wait for qemu's answer to '" + command->command.name + "'";
  const CallOptions limited = options.with_timeout(limit);
  const StopCallback on_stop(options.stop, [this] {
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  if (closed_) throw *closed_;
  commands_.push_back(command);
  wake_.wake();
  while (!command->done) {
    limited.check(what);
    changed_.wait_for(lock, limited.remaining(std::chrono::hours(1)));
  }
  if (command->error) throw *command->error;
  return std::move(command->result);
}

void Mailbox::request_kill(KillCause cause) noexcept {
  KillCause none = KillCause::none;
  kill_cause_.compare_exchange_strong(none, cause);
  wake_.wake();
}

std::shared_ptr<Mailbox::Command> Mailbox::take() {
  std::lock_guard lock(mutex_);
  if (commands_.empty()) return nullptr;
  auto command = std::move(commands_.front());
  commands_.pop_front();
  return command;
}

void Mailbox::complete(Command& command, nlohmann::json result) {
  std::lock_guard lock(mutex_);
  command.done = true;
  command.result = std::move(result);
  changed_.notify_all();
}

void Mailbox::fail(Command& command, Error error) {
  std::lock_guard lock(mutex_);
  command.done = true;
  command.error = std::move(error);
  changed_.notify_all();
}

void Mailbox::close(const Error& error) {
  std::lock_guard lock(mutex_);
  closed_ = error;
  for (const auto& command : commands_) {
    command->done = true;
    command->error = error;
  }
  commands_.clear();
  changed_.notify_all();
}

}  // namespace vmkit::vm::qemu
