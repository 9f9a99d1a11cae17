// SPDX-License-Identifier: Apache-2.0
#include "container/machine_stream.hpp"

#include <atomic>
#include <chrono>
#include <utility>

namespace vmkit::container {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t excerpt_lines = 12;
// From the end of the channel until the machine's end is noticed it takes milliseconds.
constexpr auto end_notice = 500ms;

class MachineStream final : public Stream {
 public:
  MachineStream(std::unique_ptr<Stream> channel, vm::Machine& machine)
      : channel_(std::move(channel)), machine_(machine) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = channel_->read(buffer);
    if (count == 0 && has_ended()) throw machine_ended(machine_);
    return count;
  }
  void write(std::span<const std::byte> data) override {
    try {
      channel_->write(data);
    } catch (const Error&) {
      if (has_ended()) throw machine_ended(machine_);
      throw;
    }
  }
  void close_write() override { channel_->close_write(); }
  void close() noexcept override {
    closed_ = true;
    channel_->close();
  }

 private:
  bool has_ended() {
    if (closed_) return false;  // the end that we made ourselves: nothing to wait for
    try {
      machine_.wait(CallOptions{}.with_timeout(end_notice));
      return true;
    } catch (const Error&) {
      return false;  // it goes on: only the channel was closed
    }
  }

  std::unique_ptr<Stream> channel_;
  vm::Machine& machine_;
  std::atomic<bool> closed_{false};
};

}  // namespace

bool is_over(vm::MachineState state) {
  return state == vm::MachineState::stopped || state == vm::MachineState::failed;
}

std::unique_ptr<Stream> make_machine_stream(std::unique_ptr<Stream> channel, vm::Machine& machine) {
  return std::make_unique<MachineStream>(std::move(channel), machine);
}

Error machine_ended(vm::Machine& machine) {
  const vm::MachineEvent last = machine.wait();
  std::string message = "the machine has ended (" + std::string(to_string(last.reason)) + ")";
  if (last.error) {
    // The event's own message has the console lines already.
    return Error(Errc::unavailable, message + ": " + last.error->what(), last.error->native());
  }
  return Error(Errc::unavailable, message + console_excerpt(machine));
}

std::string console_excerpt(vm::Machine& machine) {
  const auto lines = machine.console_tail(excerpt_lines);
  if (lines.empty()) return "; nothing was written to its console";
  std::string text = "; last console lines:";
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

}  // namespace vmkit::container
