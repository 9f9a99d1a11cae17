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
// Finished processes that are kept, because of their status or output: the oldest go when there
// are more.
constexpr std::size_t max_finished = 256;
constexpr std::size_t max_finished_bytes = 16 * 1024 * 1024;
constexpr std::size_t max_program_name = 256;

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
  methods["attach"] = [this](const Json& params, const Deferred&) { return attach(params); };
  methods["close_stdio"] = [this](const Json& params, const Deferred&) { return close(params); };
  methods["resize"] = [this](const Json& params, const Deferred&) { return resize(params); };
  methods["signal"] = [this](const Json& params, const Deferred&) { return signal(params); };
  methods["wait"] = [this](const Json& params, const Deferred& request) {
    wait(params, request);
    return std::nullopt;
  };
  methods["list_processes"] = [this](const Json&, const Deferred&) { return list(); };
  methods["resumed"] = [this](const Json& params, const Deferred&) { return resumed(params); };
  methods["forget"] = [this](const Json& params, const Deferred&) { return forget(params); };
}

void Processes::watch(PollSet& set) {
  for (auto& [number, process] : processes_) {
    const Handle handle = number;
    if (process.start_result) {
      set.add(process.start_result.get(), POLLIN, [this, handle](short) {
        const auto found = processes_.find(handle);
        if (found != processes_.end() && found->second.start_result) read_start_result(handle);
      });
    }
    watch_stdio(set, handle, process);
  }
}

void Processes::spawn(const Json& params, const Deferred& request) {
  if (processes_.size() >= max_processes) make_room();
  const SpawnRequest what = parse_spawn_request(params, machine_.container());

  Process process;
  process.program = what.args[0].substr(0, max_program_name);
  process.keep = get_or<bool>(params, "keep", false);
  const Handle handle = next_process_++;
  Descriptors theirs;
  try {
    open_stdio(params, handle, process, theirs);
    Spawned started = guest::spawn(what, {theirs[0].get(), theirs[1].get(), theirs[2].get()});
    process.pid = started.pid;
    process.start_result = std::move(started.result);
  } catch (...) {
    close_stdio(process);
    throw;
  }
  process.start_request = request;
  running_[process.pid] = handle;
  processes_.emplace(handle, std::move(process));
}

void Processes::read_start_result(Handle handle) {
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
  if (machine_.has_container()) machine_.container()->start_failed(process.pid);
  if (request) client_.answer_error(*request, decode_failure(process.start_failure));
  close_stdio(process);
  settle(handle);
}

Process* Processes::find(Handle handle) {
  const auto found = processes_.find(handle);
  return found == processes_.end() ? nullptr : &found->second;
}

Process& Processes::process(const Json& params) {
  const auto handle = params.at("process").get<Handle>();
  Process* const found = find(handle);
  if (found == nullptr || found->start_result || found->failed_to_start) {
    throw RpcError(no_such_process, "no process " + std::to_string(handle));
  }
  return *found;
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
  return !running_.empty();
}

void Processes::signal_all(int number) {
  for (const auto& [pid, handle] : running_) ::kill(pid, number);
}

void Processes::wait(const Json& params, const Deferred& request) {
  Process& target = process(params);
  if (target.waiters.size() >= max_processes) throw RpcError(limit_reached, "too many waits");
  target.waiters.push_back(request);
  if (target.wait_status) answer_waiters(params.at("process").get<Handle>());
}

Json Processes::list() {
  take_input();  // what came before the request
  Json all = Json::array();
  for (const auto& [handle, process] : processes_) {
    if (process.start_result || process.failed_to_start) continue;
    Json one{{"process", handle},
             {"pid", process.pid},
             {"program", process.program},
             {"terminal", process.terminal}};
    if (process.wait_status) one["status"] = exit_status(*process.wait_status);
    all.push_back(std::move(one));
  }
  return {{"processes", std::move(all)}};
}

Json Processes::forget(const Json& params) {
  process(params).keep = false;
  settle(params.at("process").get<Handle>());
  return Json::object();
}

bool Processes::take_child(pid_t pid, int wait_status) {
  const auto found = running_.find(pid);
  if (found == running_.end()) return false;
  const Handle handle = found->second;
  running_.erase(found);
  processes_.at(handle).wait_status = wait_status;
  Json event = exit_status(wait_status);
  event.update({{"type", "exit"}, {"process", handle}, {"pid", pid}});
  client_.notify(std::move(event));
  answer_waiters(handle);
  settle(handle);
  return true;
}

void Processes::answer_waiters(Handle handle) {
  Process& process = processes_.at(handle);
  for (const Deferred& waiter : std::exchange(process.waiters, {})) {
    const auto told = client_.answer(waiter, exit_status(*process.wait_status));
    if (told) process.collected = told;
  }
  if (process.collected) collected_.push_back(handle);
}

/// Forgets the process if nobody needs it, or sees to it that not too many are kept.
void Processes::settle(Handle handle) {
  Process* const process = find(handle);
  if (process == nullptr || !process->wait_status || process->start_result) return;
  if (process->input.is_open() && process->terminal && !process->output.is_open()) {
    process->input.close(streams());
  }
  for (const Output* output : {&process->output, &process->error}) {
    if (output->is_open() || output->has_readers()) return;
  }
  if (process->input.is_open()) return;
  const bool collected = process->collected && client_.has(*process->collected);
  if (process->failed_to_start || (collected && !process->keep)) {
    processes_.erase(handle);
    return;
  }
  if (!std::exchange(process->listed, true)) finished_.push_back(handle);
  std::size_t bytes = 0;
  for (auto kept = finished_.rbegin(); kept != finished_.rend(); ++kept) {
    if (Process* const one = find(*kept))
      bytes += one->output.ring().size() + one->error.ring().size();
  }
  while (finished_.size() > max_finished || (bytes > max_finished_bytes && finished_.size() > 1)) {
    if (Process* const oldest = find(finished_.front())) {
      bytes -= oldest->output.ring().size() + oldest->error.ring().size();
      processes_.erase(finished_.front());
    }
    finished_.pop_front();
  }
}

/// Those whose status the client has acknowledged to have.
void Processes::settle_collected() {
  for (std::size_t left = collected_.size(); left != 0; --left) {
    const Handle handle = collected_.front();
    const Process* const process = find(handle);
    if (process != nullptr && process->collected && !client_.has(*process->collected)) return;
    collected_.pop_front();
    settle(handle);
  }
}

void Processes::make_room() {
  if (finished_.empty()) throw RpcError(limit_reached, "more than 1024 processes");
  processes_.erase(finished_.front());
  finished_.pop_front();
}

void Processes::take_input() {
  for (const auto stream : streams_.session().changed()) take_news(stream);
  settle_collected();
}

void Processes::end_session() {
  streams_.clear();
  sending_.clear();
  for (auto& [handle, process] : processes_) {
    process.sending = false;
    process.input.end_session();
    process.output.end_session();
    process.error.end_session();
  }
}

void Processes::forget_client(std::uint64_t client) {
  for (auto& [handle, process] : processes_) {
    process.output.forget_client(client);
    process.error.forget_client(client);
    if (process.collected && process.collected->client == client) {
      // What was told and not acknowledged may not have arrived.
      if (!client_.has(*process.collected)) process.collected.reset();
    }
    std::erase_if(process.waiters, [&](const Deferred& one) { return one.client == client; });
  }
  settle_all();
}

Json Processes::resumed(const Json& params) {
  const auto expected = params.at("expect").get<std::vector<std::uint64_t>>();
  for (auto& [handle, process] : processes_) {
    process.output.forget_lost(client_.current(), expected);
    process.error.forget_lost(client_.current(), expected);
  }
  settle_all();
  return Json::object();
}

void Processes::settle_all() {
  std::vector<Handle> all;
  for (const auto& [handle, process] : processes_) all.push_back(handle);
  for (const Handle handle : all) settle(handle);
}

}  // namespace vmkit::guest
