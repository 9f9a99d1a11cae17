// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent::test {

/// A connected socket as a Stream; owns the descriptor.
class FdStream final : public Stream {
 public:
  explicit FdStream(int fd) : fd_(fd) {}
  ~FdStream() override { ::close(fd_); }

  std::size_t read(std::span<std::byte> buffer) override {
    for (;;) {
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == ECONNRESET) return 0;
      if (errno != EINTR) throw Error::from_errno(errno, "read");
    }
  }
  void write(std::span<const std::byte> data) override {
    while (!data.empty()) {
      const ssize_t count = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw Error::from_errno(errno, "write");
      data = data.subspan(static_cast<std::size_t>(count));
    }
  }
  void close_write() override { ::shutdown(fd_, SHUT_WR); }
  void close() noexcept override { ::shutdown(fd_, SHUT_RDWR); }

 private:
  int fd_;
};

}  // namespace vmkit::agent::test
