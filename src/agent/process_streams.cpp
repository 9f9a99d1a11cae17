// SPDX-License-Identifier: Apache-2.0
// Processes over sessions that are lost: how they are started and found, and their streams opened.
#include <limits>
#include <utility>

#include "agent/process_impl.hpp"
#include "agent/protocol.hpp"
#include "agent/spec_json.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

constexpr int kill_signal = 9;  // Linux's, whatever the host

std::unique_ptr<MuxStream> open_stdio(Mux& mux) {
  return mux.open(protocol::stream_header(protocol::StreamKind::stdio));
}

[[noreturn]] void malformed_answer(const char* method) {
  throw Error(Errc::data_corruption, std::string("guest agent, ") + method + ": malformed answer");
}

/// Which offset of a stream the agent tells; nothing if it tells none.
std::optional<std::uint64_t> offset_in(const Json& answer, const char* name) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  const auto end = answer.find(name);
  if (end == answer.end() || !end->is_object()) return std::nullopt;
  const auto offset = end->find("offset");
  if (offset == end->end() || !offset->is_number_unsigned()) return std::nullopt;
  const auto value = offset->get<std::uint64_t>();
  return value <= most ? std::optional(value) : std::nullopt;
}

bool is_closed(const Json& answer, const char* name) {
  return answer.at(name).value("closed", Json()) == true;
}

Json kept_as(Stdio mode) {
  return mode == Stdio::null ? Json() : Json(true);
}

Json request_of(const ProcessSpec& spec) {
  Json stdio = Json::object();
  if (spec.stdin_mode != Stdio::null) stdio["stdin"] = kept_as(spec.stdin_mode);
  if (spec.stdout_mode != Stdio::null) stdio["stdout"] = kept_as(spec.stdout_mode);
  if (spec.stderr_mode != Stdio::null && !spec.terminal) {
    stdio["stderr"] = kept_as(spec.stderr_mode);
  }
  Json request = to_json(spec);
  request["stdio"] = std::move(stdio);
  if (spec.terminal) {
    request["terminal"] = {{"rows", spec.terminal->rows}, {"columns", spec.terminal->columns}};
  }
  if (spec.kept_output.bytes != OutputOptions{}.bytes) {
    request["ring"] = spec.kept_output.bytes.bytes();
  }
  if (spec.kept_output.after_reading) request["keep"] = true;
  return request;
}

}  // namespace

Process::Impl::~Impl() = default;

void Process::Impl::make_pipes(bool with_input, bool with_output, bool with_error,
                               std::size_t ring_bytes) {
  if (with_input) {
    input_pipe_ = std::make_shared<InputPipe>();
    input = std::make_unique<ProcessInput>(input_pipe_);
  }
  if (with_output) {
    output_pipe_ = std::make_shared<OutputPipe>(link->next_number(), ring_bytes);
    output = std::make_unique<ProcessOutput>(output_pipe_);
  }
  if (with_error) {
    error_pipe_ = std::make_shared<OutputPipe>(link->next_number(), ring_bytes);
    error = std::make_unique<ProcessOutput>(error_pipe_);
  }
}

/// New streams, each from the beginning of its output or input. Runs before the process is started,
/// in one thread at a time, under the lock of the requests: so without ours, under which requests
/// are made.
void Process::Impl::open_streams(Json& stdio, Mux& mux) {
  streams_of_ = mux.weak_from_this();
  if (input_pipe_) {
    input_pipe_->suspend();
    auto stream = open_stdio(mux);
    stdio["stdin"] = stream->id();
    input_pipe_->connect(std::move(stream), protocol::stream_header_size, 0, false);
  }
  for (const auto& [name, pipe] : {std::pair{"stdout", output_pipe_}, {"stderr", error_pipe_}}) {
    if (!pipe) continue;
    pipe->suspend();
    auto stream = open_stdio(mux);
    stdio[name] = {{"stream", stream->id()}, {"reader", pipe->number()}};
    pipe->connect(std::move(stream), 0);
  }
}

std::shared_ptr<Process::Impl> Process::Impl::spawn(const std::shared_ptr<Link>& link,
                                                    const ProcessSpec& spec,
                                                    const CallOptions& options) {
  options.check("starting a process");
  const auto process = std::make_shared<Impl>(link);
  process->make_pipes(spec.stdin_mode == Stdio::pipe, spec.stdout_mode == Stdio::pipe,
                      spec.stderr_mode == Stdio::pipe && !spec.terminal,
                      static_cast<std::size_t>(spec.kept_output.bytes.bytes()));
  link->add(process);
  const std::weak_ptr<Impl> weak = process;
  RpcClient::Sending sending;
  sending.bind = [weak](Json& params, Mux& mux) {
    if (const auto self = weak.lock()) self->open_streams(params["stdio"], mux);
  };
  const auto call = link->rpc()->send("spawn", request_of(spec), std::move(sending));
  try {
    const Json answer = link->rpc()->wait(*call, options);
    const auto handle = answer.find("process");
    const auto pid = answer.find("pid");
    if (handle == answer.end() || !handle->is_number_unsigned() || pid == answer.end() ||
        !pid->is_number_integer()) {
      malformed_answer("spawn");
    }
    process->start(handle->get<std::uint64_t>(), pid->get<std::int64_t>());
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled || error.code() == Errc::timeout) {
      const std::weak_ptr<RpcClient> weak_rpc = link->rpc();
      link->rpc()->abandon(call, [weak_rpc](const Json& answer) {
        const auto rpc = weak_rpc.lock();
        if (!rpc || !answer.contains("process")) return;
        rpc->send("signal", {{"process", answer["process"]}, {"signal", kill_signal}});
        rpc->send("wait", {{"process", answer["process"]}});
      });
    }
    throw;
  }
  return process;
}

std::shared_ptr<Process::Impl> Process::Impl::attach(const std::shared_ptr<Link>& link,
                                                     std::uint64_t handle,
                                                     const AttachOptions& attach,
                                                     const CallOptions& options) {
  options.check("attaching to a process");
  const auto process = std::make_shared<Impl>(link);
  process->make_pipes(attach.stdin_sink, attach.stdout_source, attach.stderr_source,
                      static_cast<std::size_t>(OutputOptions{}.bytes.bytes()));
  // Its answer must be from the session that has the streams: another try, if that was lost.
  for (;;) {
    std::unique_ptr<MuxStream> streams[3];
    RpcClient::Sending sending;
    sending.this_session_only = true;
    std::weak_ptr<Mux> streams_of;
    sending.bind = [&](Json& params, Mux& mux) {
      streams_of = mux.weak_from_this();
      Json& stdio = params["stdio"] = Json::object();
      if (process->input_pipe_) {
        streams[0] = open_stdio(mux);
        stdio["stdin"] = streams[0]->id();
      }
      std::size_t i = 1;
      for (const auto& [name, pipe] :
           {std::pair{"stdout", process->output_pipe_}, {"stderr", process->error_pipe_}}) {
        const std::size_t at = i++;
        if (!pipe) continue;
        streams[at] = open_stdio(mux);
        Json& end = stdio[name] = {
            {"stream", streams[at]->id()}, {"reader", pipe->number()}, {"follow", attach.follow}};
        if (attach.tail) {
          end["tail"] = attach.tail->bytes();
        } else {
          end["offset"] = at == 1 ? attach.stdout_offset : attach.stderr_offset;
        }
      }
    };
    Json answer;
    try {
      answer =
          link->rpc()->call_bound("attach", {{"process", handle}}, std::move(sending), options);
    } catch (const Error& error) {
      if (error.code() != Errc::unavailable || link->has(streams_of) ||
          !link->wait_for_session(options)) {
        throw;
      }
      continue;
    }
    const auto offset = [&](const char* name) {
      const auto told = offset_in(answer, name);
      if (!told) malformed_answer("attach");
      return *told;
    };
    {
      const std::lock_guard lock(process->mutex_);
      process->streams_of_ = streams_of;
      if (process->input_pipe_) {
        const std::uint64_t taken = offset("stdin");
        process->input_pipe_->connect(std::move(streams[0]), protocol::stream_header_size, taken,
                                      is_closed(answer, "stdin"));
      }
      if (process->output_pipe_) {
        process->output_pipe_->connect(std::move(streams[1]), offset("stdout"));
      }
      if (process->error_pipe_) {
        process->error_pipe_->connect(std::move(streams[2]), offset("stderr"));
      }
    }
    link->add(process);
    const auto pid = answer.find("pid");
    if (pid == answer.end() || !pid->is_number_integer()) malformed_answer("attach");
    process->start(handle, pid->get<std::int64_t>());
    return process;
  }
}

void Process::Impl::start(std::uint64_t its_handle, std::int64_t its_pid) {
  handle = its_handle;
  pid = its_pid;
  exit = link->rpc()->send("wait", {{"process", handle}});
  // The session may have been lost while the answer was on its way; the next one, if it is there
  // already, did not know the handle.
  const std::lock_guard lock(mutex_);
  started_ = true;
  if (const auto mux = link->mux()) reattach(mux);
}

void Process::Impl::resume(const std::shared_ptr<Mux>& mux) {
  const std::lock_guard lock(mutex_);
  if (started_) reattach(mux);
}

void Process::Impl::name_late_readers(std::vector<std::uint64_t>& numbers) {
  const std::lock_guard lock(mutex_);
  if (started_) return;
  for (const auto& pipe : {output_pipe_, error_pipe_}) {
    if (pipe) numbers.push_back(pipe->number());
  }
}

/// Under the mutex, so that the session is the last one there is: an older one would only take away
/// what the last one has opened.
void Process::Impl::reattach(const std::shared_ptr<Mux>& mux) {
  if (streams_of_.lock() == mux) return;
  streams_of_ = mux;
  // Shared with the answer's handler.
  struct Streams {
    std::unique_ptr<MuxStream> input, output, error;
  };
  const auto streams = std::make_shared<Streams>();
  RpcClient::Sending sending;
  sending.this_session_only = true;
  Json stdio = Json::object();
  const auto reopen = [&](const char* name, const auto& pipe, std::unique_ptr<MuxStream>& stream) {
    if (!pipe || !pipe->suspend()) return;
    stream = open_stdio(*mux);
    sending.stream = stream.get();  // by now there may be another session
    stdio[name] = {{"stream", stream->id()}};
    if constexpr (std::is_same_v<std::decay_t<decltype(*pipe)>, OutputPipe>) {
      stdio[name]["reader"] = pipe->number();
      stdio[name]["offset"] = pipe->offset();
    }
  };
  try {
    reopen("stdin", input_pipe_, streams->input);
    reopen("stdout", output_pipe_, streams->output);
    reopen("stderr", error_pipe_, streams->error);
    if (stdio.empty()) return;
    sending.done = [weak = weak_from_this(), session = mux->weak_from_this(),
                    streams](const Result<Json>& result) {
      const auto self = weak.lock();
      if (!self) return;
      if (!result) {
        // Lost again: there will be another. Otherwise the agent knows the process no more.
        if (result.error().code() != Errc::unavailable || self->link->has(session)) {
          self->lose(result.error());
        }
        return;
      }
      const Json& answer = result.value();
      const auto take = [&](const char* name, const auto& pipe, auto& stream) {
        if (!stream) return;
        const auto offset = offset_in(answer, name);
        if (!offset) {
          pipe->fail(Error(Errc::data_corruption, "guest agent, attach: malformed answer"));
        } else if constexpr (std::is_same_v<std::decay_t<decltype(*pipe)>, OutputPipe>) {
          pipe->connect(std::move(stream), *offset);
        } else {
          pipe->connect(std::move(stream), protocol::stream_header_size, *offset,
                        is_closed(answer, name));
        }
      };
      take("stdin", self->input_pipe_, streams->input);
      take("stdout", self->output_pipe_, streams->output);
      take("stderr", self->error_pipe_, streams->error);
    };
    link->rpc()->send("attach", {{"process", handle}, {"stdio", std::move(stdio)}},
                      std::move(sending));
  } catch (const Error& failure) {
    if (failure.code() != Errc::unavailable || !mux->failure()) lose(failure);
  }
}

void Process::Impl::lose(const Error& cause) noexcept {
  if (input_pipe_) input_pipe_->fail(cause);
  if (output_pipe_) output_pipe_->fail(cause);
  if (error_pipe_) error_pipe_->fail(cause);
}

}  // namespace vmkit::agent
