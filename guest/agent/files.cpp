// SPDX-License-Identifier: Apache-2.0
#include "files.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr std::size_t max_tasks = 128;
constexpr int pipe_bytes = 256 * 1024;

}  // namespace

void Files::add_methods(Methods& methods) {
  for (const FileMethod& method : file_methods) {
    methods[method.name] = [this, &method](const Json& params, const Deferred& request) {
      start(method, params, request);
      return std::nullopt;
    };
  }
}

void Files::start(const FileMethod& method, const Json& params, const Deferred& request) {
  if (method.stream == FileStream::none) {
    const int root = root_for_one_more();
    Worker worker = start_worker({root}, [&](const std::vector<int>& descriptors) {
      return method.run(params, descriptors[0], -1);
    });
    tasks_[next_task_++] = {std::move(worker), {}, request, {}, false};
    return;
  }
  const auto stream = params.at("stream").get<agent::yamux::StreamId>();
  Session& session = *client_.session();
  if (!session.claim(StreamKind::file, stream)) {
    throw RpcError(invalid_params,
                   "stream " + std::to_string(stream) + " was not opened for files, or is in use");
  }
  try {
    start_with_stream(method, params, request, stream);
  } catch (...) {
    session.release(stream);  // or the client would wait for it, not for the answer
    throw;
  }
}

void Files::start_with_stream(const FileMethod& method, const Json& params, const Deferred& request,
                              agent::yamux::StreamId stream) {
  const int root = root_for_one_more();
  const bool outward = method.stream == FileStream::to_client;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw RpcError(operation_failed, "cannot make a pipe", errno);
  Fd ours(outward ? ends[0] : ends[1]);
  const Fd theirs(outward ? ends[1] : ends[0]);
  ::fcntl(ours.get(), F_SETPIPE_SZ, pipe_bytes);
  Worker worker = start_worker({root, theirs.get()}, [&](const std::vector<int>& descriptors) {
    return method.run(params, descriptors[0], descriptors[1]);
  });
  Relay relay(*client_.session(), stream, std::move(ours),
              outward ? Relay::Kind::pipe_to_client : Relay::Kind::pipe_from_client);
  tasks_[next_task_++] = {std::move(worker), {}, request, std::move(relay), false};
}

int Files::root_for_one_more() {
  if (tasks_.size() >= max_tasks) throw RpcError(limit_reached, "more than 128 file requests");
  return machine_.root_fd();
}

void Files::watch(PollSet& set) {
  for (auto& [number, task] : tasks_) {
    const std::uint64_t key = number;
    if (task.worker.result) {
      set.add(task.worker.result.get(), POLLIN, [this, key](short) {
        if (const auto found = tasks_.find(key); found != tasks_.end()) read_worker(found->second);
      });
    }
    if (!task.relay || client_.session() == nullptr) continue;
    task.relay->watch(set, *client_.session(), [this, key](short revents) {
      const auto found = tasks_.find(key);
      if (found == tasks_.end() || !found->second.relay || client_.session() == nullptr) return;
      found->second.relay->ready(*client_.session(), revents);
    });
  }
  forget_finished();
}

void Files::read_worker(Task& task) {
  if (!task.worker.result) return;
  Fd none;
  if (!read_result(task.worker, task.result, none)) return;
  task.worker.result.reset();
  const auto request = std::exchange(task.request, std::nullopt);
  if (!request) return;
  try {
    client_.answer(*request, worker_result(task.result));
  } catch (const RpcError& error) {
    client_.answer_error(*request, error);
  }
}

void Files::take_input() {
  for (auto& [number, task] : tasks_) {
    if (task.relay) task.relay->take_input(*client_.session());
  }
}

void Files::give_output() {
  for (auto& [number, task] : tasks_) {
    if (task.relay) task.relay->give_output(*client_.session());
  }
}

// Without their pipes the workers come to an end, and clean up.
void Files::end_session() {
  for (auto& [number, task] : tasks_) {
    if (task.relay) task.relay->abort(nullptr);
  }
}

bool Files::take_child(pid_t pid, int) {
  const auto found = std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& entry) {
    return entry.second.worker.pid == pid && !entry.second.exited;
  });
  if (found == tasks_.end()) return false;
  found->second.exited = true;
  return true;
}

void Files::forget_finished() {
  std::erase_if(tasks_, [](const auto& entry) {
    const Task& task = entry.second;
    return task.exited && !task.worker.result && (!task.relay || task.relay->over());
  });
}

}  // namespace vmkit::guest
