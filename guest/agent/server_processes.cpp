// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.hpp"
#include "spawn.hpp"

namespace vmkit::guest {
namespace {

constexpr std::size_t max_failure_text = 4096;
// Statuses that no client has asked for: the oldest go when there are more.
constexpr std::size_t max_uncollected = 256;
// Of one pipe in one round of the loop.
constexpr int max_drain_reads = 16;

agent::Json exit_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {{"signal", WTERMSIG(wait_status)}};
  return {{"code", WEXITSTATUS(wait_status)}};
}

}  // namespace

void Server::reap() {
  int status = 0;
  for (;;) {
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) break;
    const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const auto& entry) {
      return entry.second.pid == pid && !entry.second.wait_status;
    });
    if (found == processes_.end()) continue;  // an orphan that we inherited
    found->second.wait_status = status;
    answer_waiters(found->first);
  }
  forget_finished();
}

void Server::read_start_result(std::uint64_t handle) {
  Process& process = processes_.at(handle);
  char buffer[512];
  const ssize_t count = ::read(process.start_result.get(), buffer, sizeof buffer);
  if (count > 0) {
    if (process.start_failure.size() < max_failure_text) {
      process.start_failure.append(buffer, static_cast<std::size_t>(count));
    }
    return;
  }
  if (count < 0) return;
  process.start_result.reset();
  const auto request = std::exchange(process.start_request, std::nullopt);
  if (process.start_failure.empty()) {
    if (request) answer(*request, {{"process", handle}, {"pid", process.pid}});
    return;
  }
  process.failed_to_start = true;
  if (request) answer_error(*request, decode_spawn_failure(process.start_failure));
  break_input(process.input);
  close_pipe(process.output);
  close_pipe(process.error);
  forget_finished();
}

void Server::answer_waiters(std::uint64_t handle) {
  Process& process = processes_.at(handle);
  for (const Deferred& waiter : std::exchange(process.waiters, {})) {
    if (!session_ || waiter.session != session_->serial()) continue;
    answer(waiter, exit_status(*process.wait_status));
    process.collected = true;
  }
}

void Server::forget_finished() {
  std::size_t uncollected = 0;
  for (auto entry = processes_.rbegin(); entry != processes_.rend();) {
    const Process& process = entry->second;
    const bool over = process.wait_status && !process.start_result && !process.input.fd &&
                      !process.output.fd && !process.error.fd;
    if (over && (process.collected || process.failed_to_start || ++uncollected > max_uncollected)) {
      entry = std::make_reverse_iterator(processes_.erase(std::next(entry).base()));
    } else {
      ++entry;
    }
  }
}

bool Server::room_for_output(const Pipe& pipe) {
  if (pipe.stream == 0) return true;
  return session_->mux().writable(pipe.stream) != 0 || session_->mux().reset_by_peer(pipe.stream);
}

void Server::pump_input(Process& process) {
  auto& mux = session_->mux();
  Pipe& pipe = process.input;
  for (;;) {
    const auto data = mux.readable(pipe.stream);
    if (data.empty()) break;
    const ssize_t count = ::write(pipe.fd.get(), data.data(), data.size());
    if (count > 0) {
      mux.consume(pipe.stream, static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      return;
    } else if (count == 0 || errno != EINTR) {
      return break_input(pipe);
    }
  }
  if (mux.at_end(pipe.stream) || mux.reset_by_peer(pipe.stream)) close_pipe(pipe);
}

void Server::pump_output(Pipe& pipe) {
  if (pipe.stream == 0) return drain_output(pipe);
  auto& mux = session_->mux();
  if (mux.reset_by_peer(pipe.stream)) return close_pipe(pipe);
  while (const std::size_t room = mux.writable(pipe.stream)) {
    int available = 0;
    ::ioctl(pipe.fd.get(), FIONREAD, &available);
    const std::size_t wanted =
        std::clamp<std::size_t>(static_cast<std::size_t>(available), 1, room);
    const ssize_t count = ::read(pipe.fd.get(), mux.prepare(pipe.stream, wanted).data(), wanted);
    mux.commit(count > 0 ? static_cast<std::size_t>(count) : 0);
    if (count == 0) return close_pipe(pipe);
    if (count < 0) return;
  }
}

void Server::drain_output(Pipe& pipe) {
  char buffer[16384];
  // Not until it is empty: a process that writes for ever on another processor would keep us here.
  for (int i = 0; i < max_drain_reads; ++i) {
    const ssize_t count = ::read(pipe.fd.get(), buffer, sizeof buffer);
    if (count == 0) return close_pipe(pipe);
    if (count < 0) return;
  }
}

void Server::pump_processes() {
  for (auto& [handle, process] : processes_) {
    if (process.input.fd) pump_input(process);
    for (Pipe* pipe : {&process.output, &process.error}) {
      if (pipe->fd && pipe->stream != 0 && session_->mux().reset_by_peer(pipe->stream)) {
        close_pipe(*pipe);
      }
    }
  }
  forget_finished();
}

void Server::close_pipe(Pipe& pipe) {
  pipe.fd.reset();
  const auto stream = std::exchange(pipe.stream, 0);
  if (stream != 0 && session_) session_->finish(stream);
}

// The process no longer reads: the client must not go on writing.
void Server::break_input(Pipe& pipe) {
  pipe.fd.reset();
  const auto stream = std::exchange(pipe.stream, 0);
  if (stream != 0 && session_) session_->release(stream);
}

void Server::detach_processes() {
  for (auto& [handle, process] : processes_) {
    process.input.fd.reset();
    for (Pipe* pipe : {&process.input, &process.output, &process.error}) pipe->stream = 0;
    process.waiters.clear();
    process.start_request.reset();
  }
}

}  // namespace vmkit::guest
