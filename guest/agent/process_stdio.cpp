// SPDX-License-Identifier: Apache-2.0
// Standard streams: pipes or a terminal to processes at one end, streams to the client at the
// other.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

#include "processes.hpp"
#include "terminal.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr int pipe_bytes = 256 * 1024;
constexpr std::size_t default_ring_bytes = 1024 * 1024;
constexpr std::size_t least_ring_bytes = 4096;
constexpr std::size_t most_ring_bytes = 64 * 1024 * 1024;

constexpr std::pair<const char*, StdioKind> names[] = {
    {"stdin", StdioKind::input}, {"stdout", StdioKind::output}, {"stderr", StdioKind::error}};

std::size_t ring_bytes_of(const Json& params) {
  const auto bytes = get_or<std::uint64_t>(params, "ring", default_ring_bytes);
  if (bytes < least_ring_bytes || bytes > most_ring_bytes) {
    throw RpcError(invalid_params, "ring: expected 4096 to 67108864 bytes");
  }
  return bytes;
}

Fd open_null() {
  Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw RpcError(operation_failed, "cannot open /dev/null", errno);
  return null;
}

/// The end that is ours does not block; the process gets an ordinary pipe.
Fd open_pipe(bool we_write, Fd& theirs) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw RpcError(operation_failed, "cannot make a pipe", errno);
  theirs = Fd(ends[we_write ? 0 : 1]);
  Fd ours(ends[we_write ? 1 : 0]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(ours.get(), F_SETPIPE_SZ, pipe_bytes);
  return ours;
}

}  // namespace

void Processes::open_stdio(const Json& params, Handle handle, Process& process,
                           Descriptors& theirs) {
  const Json stdio = params.value("stdio", Json::object());
  const std::size_t ring_bytes = ring_bytes_of(params);
  if (params.contains("terminal")) {
    if (stdio.contains("stderr")) {
      throw RpcError(invalid_params, "stderr: a terminal has one output");
    }
    open_terminal(params, process, theirs);
  }
  for (const auto& [name, kind] : names) {
    Fd& descriptor = theirs[static_cast<std::size_t>(kind)];
    const auto end = stdio.find(name);
    if (end == stdio.end()) {
      if (!descriptor) descriptor = open_null();
      continue;
    }
    if (!process.terminal) {
      Fd ours = open_pipe(kind == StdioKind::input, descriptor);
      if (kind == StdioKind::input) {
        process.input.open(std::move(ours), false);
      } else {
        process.output_of(kind).open(std::move(ours), ring_bytes, process.keep);
      }
    }
    if (!end->is_boolean()) attach_one(handle, process, kind, *end);
  }
}

void Processes::open_terminal(const Json& params, Process& process, Descriptors& theirs) {
  const Json& size = params.at("terminal");
  Terminal terminal =
      guest::open_terminal(machine_.root_fd(), machine_.container() != nullptr,
                           {size.at("rows").get<unsigned>(), size.at("columns").get<unsigned>()});
  Fd input(::fcntl(terminal.ours.get(), F_DUPFD_CLOEXEC, 0));
  for (Fd& descriptor : theirs) {
    descriptor = Fd(::fcntl(terminal.theirs.get(), F_DUPFD_CLOEXEC, 0));
    if (!descriptor || !input) throw RpcError(operation_failed, "cannot share a terminal", errno);
  }
  process.terminal = true;
  process.input.open(std::move(input), true);
  process.output.open(std::move(terminal.ours), ring_bytes_of(params), process.keep);
}

void Processes::close_stdio(Process& process) {
  process.input.close(streams());
  process.output.close(streams());
  process.error.close(streams());
}

Json Processes::attach(const Json& params) {
  Process& target = process(params);
  Json answer{{"pid", target.pid}};
  const Json stdio = params.value("stdio", Json::object());
  for (const auto& [name, kind] : names) {
    const auto end = stdio.find(name);
    if (end == stdio.end()) continue;
    answer[name] = attach_one(params.at("process").get<Handle>(), target, kind, *end);
  }
  return answer;
}

/// An end is the number of a stream, or an object with it in "stream".
Json Processes::attach_one(Handle handle, Process& process, StdioKind kind, const Json& end) {
  const auto stream = (end.is_object() ? end.at("stream") : end).get<agent::yamux::StreamId>();
  streams_.claim(stream, {handle, kind});
  try {
    if (kind == StdioKind::input) {
      if (!process.input.is_open()) {
        streams_.release(stream);
        return {{"offset", process.input.taken()}, {"closed", true}};
      }
      const std::uint64_t offset = process.input.taken();
      process.input.attach(streams_, stream);
      process.input.pump(streams_);  // what came before it was claimed
      return {{"offset", offset}, {"closed", false}};
    }
    const Json& options = end.is_object() ? end : Json::object();
    ReadFrom from;
    from.offset = get_or<std::uint64_t>(options, "offset", 0);
    from.follow = get_or<bool>(options, "follow", true);
    if (options.contains("tail")) from.tail = options.at("tail").get<std::uint64_t>();
    const EndName name{client_.current(), get_or<std::uint64_t>(options, "reader", 0)};
    Output& output = process.output_of(kind);
    const std::uint64_t offset = output.attach(streams_, name, stream, from);
    queue(handle, process);
    return {{"offset", offset}};
  } catch (...) {
    streams_.release(stream);
    throw;
  }
}

Json Processes::close(const Json& params) {
  Process& target = process(params);
  const auto wanted = params.at("stream").get<std::string>();
  for (const auto& [name, kind] : names) {
    if (wanted != name) continue;
    if (kind == StdioKind::input) {
      target.input.close(streams());
    } else {
      target.output_of(kind).close(streams());
      if (target.terminal) target.input.close(streams());  // hangs up
    }
    settle(params.at("process").get<Handle>());
    return Json::object();
  }
  throw RpcError(invalid_params, "stream: expected stdin, stdout or stderr");
}

Json Processes::resize(const Json& params) {
  const Process& target = process(params);
  if (!target.terminal) throw RpcError(wrong_state, "the process has no terminal");
  if (target.output.is_open()) {
    set_size(target.output.fd(),
             {params.at("rows").get<unsigned>(), params.at("columns").get<unsigned>()});
  }
  return Json::object();
}

void Processes::watch_stdio(PollSet& set, Handle handle, Process& process) {
  if (process.input.is_open()) {
    // Without anything to write, only the end of the reader is of interest; that of a terminal
    // shows at its output.
    const bool data = process.input.has_data(streams());
    if (data || !process.terminal) {
      set.add(process.input.fd(), data ? POLLOUT : 0, [this, handle](short revents) {
        Process* const found = find(handle);
        if (found == nullptr || !found->input.is_open()) return;
        if ((revents & POLLERR) != 0) {
          found->input.close(streams());
        } else if (streams() != nullptr) {
          found->input.pump(streams_);
        }
        if (!found->input.is_open()) settle(handle);
      });
    }
  }
  // What there is no room for is left out: its hang-up would wake us again and again.
  for (const StdioKind kind : {StdioKind::output, StdioKind::error}) {
    Output& output = process.output_of(kind);
    if (!output.wants_data()) continue;
    set.add(output.fd(), POLLIN, [this, handle, kind](short) {
      Process* const found = find(handle);
      if (found == nullptr || !found->output_of(kind).is_open()) return;
      Output& ready = found->output_of(kind);
      ready.fill();
      queue(handle, *found);
      if (!ready.is_open()) settle(handle);
    });
  }
}

void Processes::take_news(agent::yamux::StreamId stream) {
  const auto* const owner = streams_.owner(stream);
  if (owner == nullptr) return;
  const auto [handle, kind] = *owner;
  Process* const process = find(handle);
  if (process == nullptr) return streams_.release(stream);
  if (kind == StdioKind::input) {
    process->input.pump(streams_);
  } else {
    process->output_of(kind).take_news(streams_, stream);
    queue(handle, *process);
  }
  settle(handle);
}

void Processes::queue(Handle handle, Process& process) {
  if (client_.session() == nullptr || std::exchange(process.sending, true)) return;
  sending_.push_back(handle);
}

// One frame of each in turn, so that none keeps the channel for itself.
void Processes::give_output() {
  auto& mux = streams_.mux();
  while (!sending_.empty() && mux.has_room()) {
    const Handle handle = sending_.front();
    sending_.pop_front();
    Process* const process = find(handle);
    if (process == nullptr) continue;
    process->sending = false;
    bool more = process->output.send(streams_);
    more = process->error.send(streams_) || more;
    if (more) {
      queue(handle, *process);
    } else {
      settle(handle);
    }
  }
}

}  // namespace vmkit::guest
