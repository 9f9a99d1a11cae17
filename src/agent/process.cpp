// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "agent/exit_status.hpp"
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

ProcessInput::ProcessInput(std::shared_ptr<InputPipe> pipe) : pipe_(std::move(pipe)) {}
ProcessInput::~ProcessInput() = default;

void ProcessInput::write(std::span<const std::byte> data, const CallOptions& options) {
  pipe_->write(data, options);
}

void ProcessInput::close() noexcept {
  pipe_->close();
}

ProcessOutput::ProcessOutput(std::shared_ptr<OutputPipe> pipe) : pipe_(std::move(pipe)) {}
ProcessOutput::~ProcessOutput() = default;

std::size_t ProcessOutput::read(std::span<std::byte> buffer, const CallOptions& options) {
  return pipe_->read(buffer, options);
}

std::uint64_t ProcessOutput::offset() const {
  return pipe_->offset();
}

void ProcessOutput::close() noexcept {
  pipe_->close();
}

Process::Process(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

std::uint64_t Process::handle() const {
  return impl_->handle;
}

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

void Process::close_stdout(const CallOptions& options) {
  impl_->link->rpc()->call("close_stdio", {{"process", impl_->handle}, {"stream", "stdout"}},
                           options);
}

void Process::close_stderr(const CallOptions& options) {
  impl_->link->rpc()->call("close_stdio", {{"process", impl_->handle}, {"stream", "stderr"}},
                           options);
}

void Process::resize(TerminalSize size, const CallOptions& options) {
  impl_->link->rpc()->call(
      "resize", {{"process", impl_->handle}, {"rows", size.rows}, {"columns", size.columns}},
      options);
}

void Process::forget(const CallOptions& options) {
  impl_->link->rpc()->call("forget", {{"process", impl_->handle}}, options);
}

void Process::signal(int number, const CallOptions& options) {
  impl_->link->rpc()->call("signal", {{"process", impl_->handle}, {"signal", number}}, options);
}

void Process::signal(std::string_view name, const CallOptions& options) {
  const auto number = signal_number(name);
  if (!number) {
    throw Error(Errc::invalid_argument, "\"" + std::string(name) + "\" is no signal of Linux");
  }
  signal(*number, options);
}

ExitStatus Process::wait(const CallOptions& options) {
  return parse_exit_status(impl_->link->rpc()->wait(*impl_->exit, options));
}

}  // namespace vmkit::agent
