// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/vsock_listener.hpp"

#include <chrono>
#include <utility>

#include "os/socket.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {
namespace {

constexpr std::size_t most_waiting = 32;

/// A stream that is good only as long as its owner lives.
class OwnedStream final : public Stream {
 public:
  OwnedStream(std::shared_ptr<void> owner, std::unique_ptr<Stream> stream)
      : owner_(std::move(owner)), stream_(std::move(stream)) {}

  std::size_t read(std::span<std::byte> buffer) override { return stream_->read(buffer); }
  void write(std::span<const std::byte> data) override { stream_->write(data); }
  void close_write() override { stream_->close_write(); }
  void close() noexcept override { stream_->close(); }

 private:
  std::shared_ptr<void> owner_;  // let go after the stream
  std::unique_ptr<Stream> stream_;
};

}  // namespace

bool VsockBacklog::offer(std::shared_ptr<VsockConnection> connection) {
  std::lock_guard lock(mutex_);
  if (closed_ || waiting_.size() >= most_waiting) return false;
  waiting_.push_back(std::move(connection));
  changed_.notify_one();
  return true;
}

std::shared_ptr<VsockConnection> VsockBacklog::take(const std::string& what,
                                                    const CallOptions& options) {
  const StopCallback on_stop(options.stop, [this] {
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (!closed_ && waiting_.empty()) {
    options.check(what);
    changed_.wait_for(lock, options.remaining(std::chrono::hours(1)));
  }
  if (closed_) throw Error(Errc::unavailable, what + ": nobody listens any more");
  auto first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

void VsockBacklog::close() {
  std::deque<std::shared_ptr<VsockConnection>> refused;
  std::lock_guard lock(mutex_);
  closed_ = true;
  refused.swap(waiting_);
  changed_.notify_all();
}

bool VsockBacklog::is_closed() {
  std::lock_guard lock(mutex_);
  return closed_;
}

std::unique_ptr<Stream> make_vsock_stream(VsockConnection connection) {
  return std::make_unique<OwnedStream>(std::move(connection.owner),
                                       os::make_socket_stream(std::move(connection.fd)));
}

VzVsockListener::VzVsockListener(std::string what, std::shared_ptr<VsockBacklog> backlog,
                                 std::function<void()> stop)
    : what_(std::move(what)), backlog_(std::move(backlog)), stop_(std::move(stop)) {}

VzVsockListener::~VzVsockListener() {
  backlog_->close();
  stop_();
}

std::unique_ptr<Stream> VzVsockListener::accept(const CallOptions& options) {
  return make_vsock_stream(std::move(*backlog_->take(what_ + ": accept", options)));
}

}  // namespace vmkit::vm::vz
