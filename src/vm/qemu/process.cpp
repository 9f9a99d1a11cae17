// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/process.hpp"

#include <array>
#include <cerrno>
#include <signal.h>
#include <unistd.h>

#include "os/process_platform.hpp"
#include "os/socket.hpp"

namespace vmkit::vm::qemu {
namespace {

constexpr std::size_t most_error_output = 16 << 10;

os::DescriptorPair connect_console(const std::filesystem::path& path) {
  os::DescriptorPair console;
  console.first = os::connect_unix(path);
  os::set_nonblocking(console.first.get());
  return console;
}

os::DescriptorPair make_output_pipe() {
  os::DescriptorPair pipe = os::make_pipe();
  os::set_nonblocking(pipe.first.get());
  return pipe;
}

std::vector<os::ChildProcess> spawn_daemons(const Launch& launch, const os::DescriptorPair& error) {
  std::vector<os::ChildProcess> daemons;
  for (os::SpawnOptions options : launch.daemons) {
    options.stderr_fd = error.second.get();
    daemons.push_back(os::ChildProcess::spawn(options));
  }
  return daemons;
}

std::optional<os::ChildProcess> spawn(const Launch& launch, const os::DescriptorPair& console,
                                      const os::DescriptorPair& error) {
  if (launch.adopted) return std::nullopt;
  os::SpawnOptions options;
  options.arguments = launch.arguments;
  options.environment.emplace();  // a guest that breaks out finds no secret there
  options.stdout_fd = console.second.get();
  options.stderr_fd = error.second.get();
  options.inherited = launch.inherited;
  options.die_with_parent_thread = os::can_die_with_parent && launch.pid_file.empty();
  if (!launch.pid_file.empty()) std::filesystem::remove(launch.pid_file);  // of a former one
  return os::ChildProcess::spawn(options);
}

/// What can be read now into `buffer`; 0 also at the end.
template <class Buffer>
std::size_t read_now(os::Descriptor& pipe, Buffer& buffer) {
  ssize_t count = -1;
  do {
    count = ::read(pipe.get(), buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  if (count == 0) pipe.reset();  // or poll would report the end again and again
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace

Process::Process(const Launch& launch)
    : console_(launch.console_path.empty() ? make_output_pipe()
                                           : connect_console(launch.console_path)),
      error_(make_output_pipe()),
      daemons_(spawn_daemons(launch, error_)),
      adopted_(launch.adopted),
      child_(spawn(launch, console_, error_)),
      qmp_(launch.qmp_path) {
  console_.second.reset();
  error_.second.reset();
}

std::optional<os::ExitStatus> Process::poll() {
  if (child_) return child_->poll();
  if (adopted_->has_ended()) return os::ExitStatus();
  return std::nullopt;
}

int Process::exit_event() const noexcept {
  return child_ ? child_->exit_event() : adopted_->exit_event();
}

void Process::kill() noexcept {
  if (child_) child_->kill(SIGKILL);
  if (adopted_) adopted_->kill(SIGKILL);
}

std::vector<pid_t> Process::pids() const {
  std::vector<pid_t> all = {child_ ? child_->pid() : adopted_->pid()};
  for (const os::ChildProcess& daemon : daemons_) all.push_back(daemon.pid());
  return all;
}

bool Process::read_console(detail::ConsoleRecorder& recorder) {
  std::array<char, 16384> buffer;
  const std::size_t count = read_now(console_.first, buffer);
  recorder.append({buffer.data(), count});
  return count > 0;
}

bool Process::read_errors() {
  std::array<char, 4096> buffer;
  const std::size_t count = read_now(error_.first, buffer);
  error_output_.append(buffer.data(), count);
  if (error_output_.size() > most_error_output) {
    error_output_.erase(0, error_output_.size() - most_error_output);
  }
  return count > 0;
}

}  // namespace vmkit::vm::qemu
