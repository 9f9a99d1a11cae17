// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "vm/vz/framework.hpp"

#include <vmkit/vm/vsock_listener.hpp>

namespace vmkit::vm::vz {

/// The guest's connections to one port that nobody has accepted yet. Thread-safe.
class VsockBacklog {
 public:
  /// False if too many wait already, or nobody takes them any more.
  bool offer(std::shared_ptr<VsockConnection> connection);

  /// The first one; waits. unavailable after close().
  std::shared_ptr<VsockConnection> take(const std::string& what, const CallOptions& options);

  /// Lets go those that wait, and all takers.
  void close();
  bool is_closed();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<VsockConnection>> waiting_;
  bool closed_ = false;
};

/// A stream over a connection, which it takes.
std::unique_ptr<Stream> make_vsock_stream(VsockConnection connection);

/// What the caller of Machine::listen_vsock has.
class VzVsockListener final : public VsockListener {
 public:
  /// `what` is for messages; `stop` has the framework not listen any more.
  VzVsockListener(std::string what, std::shared_ptr<VsockBacklog> backlog,
                  std::function<void()> stop);
  ~VzVsockListener() override;

  std::unique_ptr<Stream> accept(const CallOptions& options) override;

 private:
  const std::string what_;
  const std::shared_ptr<VsockBacklog> backlog_;
  const std::function<void()> stop_;
};

}  // namespace vmkit::vm::vz
