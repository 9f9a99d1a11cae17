// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "agent/mux.hpp"
#include "agent/process_impl.hpp"

#include <vmkit/agent/process.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

template <class Pipe>
Pipe& require(const std::unique_ptr<Pipe>& pipe, const char* name) {
  if (!pipe) {
    throw Error(Errc::failed_precondition,
                std::string(name) + " of the process is no pipe: ask for one in ProcessSpec");
  }
  return *pipe;
}

}  // namespace

ProcessInput::ProcessInput(std::unique_ptr<MuxStream> stream) : stream_(std::move(stream)) {}
ProcessInput::~ProcessInput() {
  close();
}

void ProcessInput::write(std::span<const std::byte> data, const CallOptions& options) {
  stream_->write(data, options);
}

void ProcessInput::close() noexcept {
  try {
    stream_->close_write();
  } catch (const Error&) {
    // Only a stream that is gone already cannot be closed.
  }
}

ProcessOutput::ProcessOutput(std::unique_ptr<MuxStream> stream) : stream_(std::move(stream)) {}
ProcessOutput::~ProcessOutput() = default;

std::size_t ProcessOutput::read(std::span<std::byte> buffer, const CallOptions& options) {
  return stream_->read(buffer, options);
}

void ProcessOutput::close() noexcept {
  stream_->close();
}

Process::Process(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

std::int64_t Process::pid() const {
  return impl_->pid;
}

ProcessInput& Process::stdin_sink() {
  return require(impl_->input, "standard input");
}
ProcessOutput& Process::stdout_source() {
  return require(impl_->output, "standard output");
}
ProcessOutput& Process::stderr_source() {
  return require(impl_->error, "standard error");
}

void Process::signal(int number, const CallOptions& options) {
  impl_->rpc->call("signal", {{"process", impl_->handle}, {"signal", number}}, options);
}

void Process::signal(std::string_view name, const CallOptions& options) {
  const auto number = signal_number(name);
  if (!number) {
    throw Error(Errc::invalid_argument, "\"" + std::string(name) + "\" is no signal of Linux");
  }
  signal(*number, options);
}

ExitStatus Process::wait(const CallOptions& options) {
  const Json status = impl_->rpc->wait(*impl_->exit, options);
  // One of the two, and as the kernel has them: nothing else may pass for a success.
  const auto number = [&](const char* name, unsigned least, unsigned most) -> std::optional<int> {
    const auto found = status.is_object() ? status.find(name) : status.end();
    if (found == status.end() || !found->is_number_unsigned()) return std::nullopt;
    const auto value = found->get<std::uint64_t>();
    if (value < least || value > most) return std::nullopt;
    return static_cast<int>(value);
  };
  const auto code = number("code", 0, 255);
  const auto signal = number("signal", 1, 127);
  if (code.has_value() == signal.has_value()) {
    throw Error(Errc::data_corruption, "the guest agent sent a malformed exit status");
  }
  return {code.value_or(0), signal.value_or(0)};
}

}  // namespace vmkit::agent
