// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/port.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "os/socket.hpp"
#include "os/wait.hpp"
#include "vm/port_claim.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {
namespace {

constexpr int buffer_bytes = 1 << 20;  // macOS would give 8 KiB

/// Waits for the socket without closing it: close() ends only this stream.
class PortStream final : public Stream {
 public:
  PortStream(detail::PortClaim claim, std::shared_ptr<const PortEnd> end, int fd)
      : claim_(std::move(claim)), end_(std::move(end)), fd_(fd) {}

  std::size_t read(std::span<std::byte> buffer) override {
    while (wait(POLLIN)) {
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == ECONNRESET) return 0;
      if (errno != EINTR && errno != EAGAIN) throw Error::from_errno(errno, "read from a port");
    }
    return 0;
  }

  void write(std::span<const std::byte> data) override {
    while (!data.empty()) {
      if (!wait(POLLOUT)) throw Error(Errc::unavailable, "write to a port: it was closed");
      data = data.subspan(os::send_now(fd_, data));
    }
  }

  void close_write() override {
    throw Error(Errc::unsupported, "a machine's port cannot be closed in one direction only");
  }

  void close() noexcept override { closed_.wake(); }

 private:
  /// False once the stream is closed.
  bool wait(short events) {
    pollfd fds[] = {{fd_, events, 0}, {closed_.fd(), POLLIN, 0}};
    while (::poll(fds, 2, -1) < 0) {
      if (errno != EINTR) throw Error::from_errno(errno, "wait for a port");
    }
    return fds[1].revents == 0;
  }

  detail::PortClaim claim_;
  std::shared_ptr<const PortEnd> end_;  // keeps the descriptor
  const int fd_;
  os::WakePipe closed_;  // never cleared
};

}  // namespace

os::DescriptorPair make_port_pair() {
  os::DescriptorPair pair = os::make_socket_pair();
  for (const int fd : {pair.first.get(), pair.second.get()}) {
    // As much as the system allows; a smaller buffer is only slower.
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  }
  return pair;
}

PortEnd::PortEnd(os::Descriptor ours) : fd_(std::move(ours)) {}

std::unique_ptr<Stream> PortEnd::connect() {
  return std::make_unique<PortStream>(detail::PortClaim(in_use_), shared_from_this(), fd_.get());
}

void PortEnd::shut_down() noexcept {
  ::shutdown(fd_.get(), SHUT_RDWR);
}

}  // namespace vmkit::vm::vz
