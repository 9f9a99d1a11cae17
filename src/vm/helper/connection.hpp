// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "os/child_process.hpp"
#include "os/descriptor.hpp"
#include "vm/helper/channel.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/log.hpp>

namespace vmkit::vm::helper {

/// A helper that has been started: our end of its socket and, outside of tests, its process.
struct Helper {
  os::Descriptor socket;
  std::optional<os::ChildProcess> process = {};
};

/// For what takes a helper that is well no time, where its owner has patience for as long as that.
inline std::chrono::milliseconds patience(std::chrono::milliseconds response_limit) {
  return std::min<std::chrono::milliseconds>(response_limit, std::chrono::seconds(5));
}

/// Starts one.
using Launcher = std::function<Helper()>;

/// The owner's end: asks a helper, and hears what it tells. Nothing of what it says is taken
/// unchecked; what cannot be is the connection's end, and the helper's. Thread-safe.
class Connection {
 public:
  /// What errors of the connection itself begin with, and those of the helper's machine do not.
  static constexpr const char* name_prefix = "helper ";

  struct Answer {
    Json result;
    os::Descriptor descriptor;
  };

  /// `program` is for messages; `patience` for the answer to a call that was stopped, or is late.
  Connection(Helper helper, const std::string& program, std::chrono::milliseconds patience,
             std::shared_ptr<LogSink> log);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// Ends the helper.
  ~Connection();

  /// Sends a request and waits for its answer: that may be an Error of the helper's. A stop or a
  /// deadline is the helper's to mind; it is left to itself if it does not. unavailable if the
  /// helper has gone.
  Answer call(const std::string& method, Json params, const CallOptions& options);
  /// Sends one whose answer nobody wants. An error is nobody's either.
  void tell(const std::string& method, Json params) noexcept;
  /// What goes in front of a request.
  void send_descriptor(int descriptor);
  void send_bytes(std::span<const std::byte> bytes) { channel_.send_bytes(bytes); }

  /// The next event; waits until `deadline`. Nothing then, and when no more will come: see lost().
  std::optional<Json> next_event(std::optional<std::chrono::steady_clock::time_point> deadline);
  /// Wakes next_event().
  void wake();
  /// Why there is nobody any more, if that is so.
  std::optional<Error> lost() const;

  /// From here on there is nobody any more, for this reason.
  void lose(Errc code, const std::string& why);

  /// Ends the helper, when all calls have been answered; kills it if that, or its end, takes longer
  /// than `grace`. Returns when it is gone.
  void end(std::chrono::milliseconds grace) noexcept;

 private:
  struct Call;

  void read();
  void take(Received received);
  void write_log(const Json& params);
  std::string how_it_ended();

  const std::string name_;
  const std::shared_ptr<LogSink> log_;
  const std::chrono::milliseconds patience_;
  Channel channel_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::uint64_t, std::shared_ptr<Call>> calls_;
  std::uint64_t next_ = 1;
  std::deque<Json> events_;
  bool woken_ = false;
  std::optional<Error> lost_;
  std::mutex ending_;         // one end() at a time
  std::mutex process_mutex_;  // guards `process_`
  std::optional<os::ChildProcess> process_;
  std::thread reader_;  // last: uses all the others
};

}  // namespace vmkit::vm::helper
