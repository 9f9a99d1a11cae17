// SPDX-License-Identifier: Apache-2.0
#include "terminal/stdio_relay.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits.h>
#include <optional>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using namespace std::chrono_literals;

constexpr std::size_t buffer_size = 65536;
// A process may leave others behind that hold its output open. Once it has ended and nothing has
// come for so long, what they might still write is not waited for.
constexpr auto silence_limit = 500ms;

/// False if nobody reads our output any more, or if it is stopped: whoever reads it may have
/// paused.
bool write_all(int fd, std::span<const std::byte> data, const StopToken& stop) {
  while (!data.empty()) {
    pollfd output{fd, POLLOUT, 0};
    if (::poll(&output, 1, 50) == 0) {
      if (stop.stop_requested()) return false;
      continue;
    }
    // A pipe that is ready takes so much without blocking, and not always more.
    const ssize_t count = ::write(fd, data.data(), std::min<std::size_t>(data.size(), PIPE_BUF));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) return false;
    if (count < 0) throw Error::from_errno(errno, "write to our output");
    data = data.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

/// Copies one output in a thread of its own.
class OutputCopy {
 public:
  /// `refuse` tells the process that nobody reads any more, if it writes on.
  OutputCopy(agent::ProcessOutput& from, const OutputWriter& to, const StopToken& stop,
             const std::function<void()>& refuse)
      : thread_([this, &from, &to, stop, refuse] {
          try {
            if (!copy(from, to, stop)) refuse();
          } catch (...) {
            error_ = std::current_exception();
          }
          from.close();  // whoever writes there now must not wait for us
          ended_ = true;
        }) {}
  ~OutputCopy() {
    if (thread_.joinable()) thread_.join();
  }

  bool ended() const { return ended_; }
  std::uint64_t copied() const { return copied_; }

  void finish() {
    thread_.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  /// False if nobody reads what we write.
  bool copy(agent::ProcessOutput& from, const OutputWriter& to, const StopToken& stop) {
    std::vector<std::byte> buffer(buffer_size);
    try {
      while (const std::size_t count = from.read(buffer, {.stop = stop})) {
        if (!to(std::span(buffer).first(count), stop)) return false;
        copied_ += count;
      }
    } catch (const Error& error) {
      if (error.code() != Errc::cancelled) throw;  // the end that relay() asked for
    }
    return true;
  }

  std::exception_ptr error_;
  std::atomic<std::uint64_t> copied_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace

OutputWriter writer_to(int descriptor) {
  return [descriptor](std::span<const std::byte> data, const StopToken& stop) {
    return write_all(descriptor, data, stop);
  };
}

InputCopy::InputCopy(int descriptor, agent::Process& process, AtEnd at_end, const StopToken& stop)
    : thread_([this, descriptor, &to = process.stdin_sink(), at_end, stop] {
        copy(descriptor, to, at_end, stop);
      }) {}

InputCopy::~InputCopy() {
  done_ = true;
  thread_.join();
}

void InputCopy::copy(int descriptor, agent::ProcessInput& to, AtEnd at_end, const StopToken& stop) {
  std::vector<std::byte> buffer(buffer_size);
  try {
    for (;;) {
      if (done_) return;
      pollfd input{descriptor, POLLIN, 0};
      if (::poll(&input, 1, 50) <= 0) continue;
      const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      to.write(std::span(buffer).first(static_cast<std::size_t>(count)), {.stop = stop});
    }
  } catch (const Error&) {
    // It closed its input, or ended: its exit status tells what there is to tell.
  }
  if (at_end == AtEnd::close) to.close();
}

agent::ExitStatus relay(agent::Process& process, const RelayEnds& ends,
                        const CallOptions& options) {
  StopSource stop;
  const StopCallback on_interrupt(options.stop, [&] { stop.request_stop(); });
  struct StopAtExit {
    StopSource& source;
    ~StopAtExit() { source.request_stop(); }
  };
  OutputCopy output(process.stdout_source(), ends.output, stop.token(),
                    [&process] { process.close_stdout(); });
  std::optional<OutputCopy> errors;
  if (ends.errors) {
    errors.emplace(process.stderr_source(), ends.errors, stop.token(),
                   [&process] { process.close_stderr(); });
  }
  std::optional<InputCopy> input;
  if (ends.input >= 0) input.emplace(ends.input, process, InputCopy::AtEnd::close, stop.token());
  const StopAtExit stop_at_exit{stop};

  const agent::ExitStatus status = process.wait(options);
  std::uint64_t copied = 0;
  auto last_change = std::chrono::steady_clock::now();
  while (!output.ended() || (errors && !errors->ended())) {
    options.check("copy the output");
    std::this_thread::sleep_for(1ms);
    const auto now = std::chrono::steady_clock::now();
    if (const std::uint64_t sum = output.copied() + (errors ? errors->copied() : 0);
        sum != copied) {
      copied = sum;
      last_change = now;
    } else if (now - last_change > silence_limit) {
      break;
    }
  }
  stop.request_stop();
  output.finish();
  if (errors) errors->finish();
  return status;
}

}  // namespace cli
