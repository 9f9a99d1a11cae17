// SPDX-License-Identifier: Apache-2.0
#include "processes.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "spawn.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr std::size_t max_processes = 1024;
constexpr std::size_t max_failure_text = 4096;
// Statuses that no client has asked for: the oldest go when there are more.
constexpr std::size_t max_uncollected = 256;

Json exit_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {{"signal", WTERMSIG(wait_status)}};
  return {{"code", WEXITSTATUS(wait_status)}};
}

}  // namespace

void Processes::add_methods(Methods& methods) {
  methods["spawn"] = [this](const Json& params, const Deferred& request) {
    spawn(params, request);
    return std::nullopt;
  };
  methods["signal"] = [this](const Json& params, const Deferred&) { return signal(params); };
  methods["wait"] = [this](const Json& params, const Deferred& request) {
    wait(params, request);
    return std::nullopt;
  };
}

void Processes::watch(PollSet& set) {
  for (auto& [number, process] : processes_) {
    const std::uint64_t handle = number;
    if (process.start_result) {
      set.add(process.start_result.get(), POLLIN, [this, handle](short) {
        const auto found = processes_.find(handle);
        if (found != processes_.end() && found->second.start_result) read_start_result(handle);
      });
    }
    watch_pipes(set, handle, process);
  }
}

void Processes::spawn(const Json& params, const Deferred& request) {
  if (processes_.size() >= max_processes) {
    throw RpcError(limit_reached, "more than 1024 processes");
  }
  const SpawnRequest what = parse_spawn_request(params, machine_.container());

  const Json stdio = params.value("stdio", Json::object());
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw RpcError(operation_failed, "cannot open /dev/null", errno);
  Process process;
  std::array<Fd, 3> theirs;
  std::array<int, 3> descriptors;
  constexpr const char* names[] = {"stdin", "stdout", "stderr"};
  Pipe* const pipes[] = {&process.input, &process.output, &process.error};
  try {
    for (std::size_t i = 0; i < 3; ++i) {
      descriptors[i] = null.get();
      if (!stdio.contains(names[i])) continue;
      open_pipe(*pipes[i], stdio[names[i]].get<agent::yamux::StreamId>(), names[i], theirs[i]);
      descriptors[i] = theirs[i].get();
    }
    Spawned started = guest::spawn(what, descriptors);
    process.pid = started.pid;
    process.start_result = std::move(started.result);
  } catch (...) {
    for (Pipe* pipe : pipes) close_pipe(*pipe);
    throw;
  }
  process.start_request = request;
  processes_.emplace(next_process_++, std::move(process));
}

void Processes::read_start_result(std::uint64_t handle) {
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
    if (request) client_.answer(*request, {{"process", handle}, {"pid", process.pid}});
    return;
  }
  process.failed_to_start = true;
  if (request) client_.answer_error(*request, decode_failure(process.start_failure));
  break_input(process.input);
  close_pipe(process.output);
  close_pipe(process.error);
  forget_finished();
}

Process& Processes::process(const Json& params) {
  const auto handle = params.at("process").get<std::uint64_t>();
  const auto found = processes_.find(handle);
  if (found == processes_.end() || found->second.start_result || found->second.failed_to_start) {
    throw RpcError(no_such_process, "no process " + std::to_string(handle));
  }
  return found->second;
}

Json Processes::signal(const Json& params) {
  const Process& target = process(params);
  const int number = params.at("signal").get<int>();
  if (target.wait_status) throw RpcError(no_such_process, "the process has ended");
  if (number < 1 || number >= NSIG) {
    throw RpcError(invalid_params, "signal " + std::to_string(number) + ": no such signal");
  }
  if (::kill(target.pid, number) != 0) {
    throw RpcError(operation_failed, "cannot send signal " + std::to_string(number), errno);
  }
  return Json::object();
}

bool Processes::any_running() const {
  return std::any_of(processes_.begin(), processes_.end(),
                     [](const auto& entry) { return !entry.second.wait_status; });
}

void Processes::signal_all(int number) {
  for (const auto& [handle, process] : processes_) {
    if (!process.wait_status) ::kill(process.pid, number);
  }
}

void Processes::wait(const Json& params, const Deferred& request) {
  Process& target = process(params);
  if (target.waiters.size() >= max_processes) throw RpcError(limit_reached, "too many waits");
  target.waiters.push_back(request);
  if (target.wait_status) answer_waiters(params.at("process").get<std::uint64_t>());
}

bool Processes::take_child(pid_t pid, int wait_status) {
  const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const auto& entry) {
    return entry.second.pid == pid && !entry.second.wait_status;
  });
  if (found == processes_.end()) return false;
  found->second.wait_status = wait_status;
  answer_waiters(found->first);
  forget_finished();
  return true;
}

void Processes::answer_waiters(std::uint64_t handle) {
  Process& process = processes_.at(handle);
  for (const Deferred& waiter : std::exchange(process.waiters, {})) {
    const Session* session = client_.session();
    if (session == nullptr || waiter.session != session->serial()) continue;
    client_.answer(waiter, exit_status(*process.wait_status));
    process.collected = true;
  }
}

void Processes::forget_finished() {
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

void Processes::end_session() {
  for (auto& [handle, process] : processes_) {
    process.input.fd.reset();
    for (Pipe* pipe : {&process.input, &process.output, &process.error}) pipe->stream = 0;
    process.waiters.clear();
    process.start_request.reset();
  }
}

}  // namespace vmkit::guest
