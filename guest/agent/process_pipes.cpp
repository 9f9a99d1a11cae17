// SPDX-License-Identifier: Apache-2.0
// Standard streams: pipes to processes at one end, streams to the client at the other.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

#include "processes.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;

constexpr int pipe_bytes = 256 * 1024;
// Of one pipe in one round of the loop.
constexpr int max_drain_reads = 16;

}  // namespace

void Processes::open_pipe(Pipe& pipe, agent::yamux::StreamId stream, const char* name, Fd& theirs) {
  Session& session = *client_.session();
  if (!session.claim(StreamKind::stdio, stream)) {
    throw RpcError(invalid_params, std::string(name) + ": stream " + std::to_string(stream) +
                                       " was not opened for stdio, or is in use");
  }
  pipe.stream = stream;
  const bool input = std::string_view(name) == "stdin";
  if (input) session.mux().finish(stream);  // nothing goes that way
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw RpcError(operation_failed, "cannot make a pipe", errno);
  theirs = Fd(input ? ends[0] : ends[1]);
  pipe.fd = Fd(input ? ends[1] : ends[0]);
  // Only our end does not block; the process gets an ordinary pipe.
  ::fcntl(pipe.fd.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(pipe.fd.get(), F_SETPIPE_SZ, pipe_bytes);
}

void Processes::watch_pipes(PollSet& set, std::uint64_t handle, Process& process) {
  const auto watch = [&](Pipe Process::*which, short events, auto then) {
    set.add((process.*which).fd.get(), events, [this, handle, which, then](short revents) {
      const auto found = processes_.find(handle);
      if (found != processes_.end() && (found->second.*which).fd)
        then(found->second.*which, revents);
    });
  };
  if (process.input.fd) {
    // Without anything to write, only the end of the reader is of interest.
    Session* session = client_.session();
    const bool data = session != nullptr && !session->mux().readable(process.input.stream).empty();
    watch(&Process::input, data ? POLLOUT : 0, [this](Pipe& pipe, short revents) {
      if ((revents & POLLERR) != 0) {
        break_input(pipe);
      } else {
        pump_input(pipe);
      }
    });
  }
  // A pipe that nobody may read now is left out: its hang-up would wake us again and again.
  for (const auto which : {&Process::output, &Process::error}) {
    if (!(process.*which).fd || !room_for_output(process.*which)) continue;
    watch(which, POLLIN, [this](Pipe& pipe, short) { pump_output(pipe); });
  }
}

void Processes::take_input() {
  auto& mux = client_.session()->mux();
  for (auto& [handle, process] : processes_) {
    if (process.input.fd) pump_input(process.input);
    for (Pipe* pipe : {&process.output, &process.error}) {
      if (pipe->fd && pipe->stream != 0 && mux.reset_by_peer(pipe->stream)) close_pipe(*pipe);
    }
  }
  forget_finished();
}

void Processes::give_output() {
  for (auto& [handle, process] : processes_) {
    for (Pipe* pipe : {&process.output, &process.error}) {
      if (pipe->fd && pipe->stream != 0) pump_output(*pipe);
    }
  }
}

bool Processes::room_for_output(const Pipe& pipe) {
  if (pipe.stream == 0) return true;
  auto& mux = client_.session()->mux();
  return mux.writable(pipe.stream) != 0 || mux.reset_by_peer(pipe.stream);
}

void Processes::pump_input(Pipe& pipe) {
  auto& mux = client_.session()->mux();
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

void Processes::pump_output(Pipe& pipe) {
  if (pipe.stream == 0) return drain_output(pipe);
  auto& mux = client_.session()->mux();
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

void Processes::drain_output(Pipe& pipe) {
  char buffer[16384];
  // Not until it is empty: a process that writes for ever on another processor would keep us here.
  for (int i = 0; i < max_drain_reads; ++i) {
    const ssize_t count = ::read(pipe.fd.get(), buffer, sizeof buffer);
    if (count == 0) return close_pipe(pipe);
    if (count < 0) return;
  }
}

void Processes::close_pipe(Pipe& pipe) {
  pipe.fd.reset();
  const auto stream = std::exchange(pipe.stream, 0);
  if (stream != 0 && client_.session() != nullptr) client_.session()->finish(stream);
}

// The process no longer reads: the client must not go on writing.
void Processes::break_input(Pipe& pipe) {
  pipe.fd.reset();
  const auto stream = std::exchange(pipe.stream, 0);
  if (stream != 0 && client_.session() != nullptr) client_.session()->release(stream);
}

}  // namespace vmkit::guest
