// SPDX-License-Identifier: Apache-2.0
#include "os/socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "os/wait.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.empty() || text.size() > longest_socket_path()) {
    throw Error(Errc::invalid_argument,
                "socket path " + text + ": expected 1 to " + std::to_string(longest_socket_path()) +
                    " bytes, found " + std::to_string(text.size()) + "; use a shorter folder");
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

Descriptor make_unix_socket() {
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  if (!fd) throw Error::from_errno(errno, "create a unix socket");
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  return fd;
}

/// A peer that is gone is an error of the write (EPIPE), never a signal of the process.
#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_NOSIGNAL;
#else
constexpr int send_flags = 0;  // macOS: SO_NOSIGPIPE, set on the socket
#endif

void prevent_signals([[maybe_unused]] int socket) {
#ifdef SO_NOSIGPIPE
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

class SocketStream final : public Stream {
 public:
  explicit SocketStream(Descriptor socket) : socket_(std::move(socket)) {
    prevent_signals(socket_.get());
  }

  std::size_t read(std::span<std::byte> buffer) override {
    for (;;) {
      const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == ECONNRESET) return 0;
      if (errno != EINTR) throw Error::from_errno(errno, "read from a socket");
    }
  }

  void write(std::span<const std::byte> data) override {
    while (!data.empty()) {
      const ssize_t count = ::send(socket_.get(), data.data(), data.size(), send_flags);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw Error::from_errno(errno, "write to a socket");
      data = data.subspan(static_cast<std::size_t>(count));
    }
  }

  void close_write() override { ::shutdown(socket_.get(), SHUT_WR); }

  // The descriptor itself stays open until nobody can be inside read() or write() any more.
  void close() noexcept override { ::shutdown(socket_.get(), SHUT_RDWR); }

 private:
  Descriptor socket_;
};

}  // namespace

std::size_t longest_socket_path() noexcept {
  return sizeof(sockaddr_un::sun_path) - 1;
}

Descriptor connect_unix(const std::filesystem::path& path) {
  const sockaddr_un address = address_of(path);
  Descriptor fd = make_unix_socket();
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINTR) throw Error::from_errno(errno, "connect to " + path.string());
  }
  return fd;
}

Descriptor listen_unix(const std::filesystem::path& path) {
  const sockaddr_un address = address_of(path);
  Descriptor fd = make_unix_socket();
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno == EADDRINUSE ? EEXIST : errno;
    throw Error::from_errno(error, "create socket " + path.string());
  }
  if (::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), 16) != 0) {
    throw Error::from_errno(errno, "listen on " + path.string());
  }
  return fd;
}

Descriptor accept_connection(int listener, const CallOptions& options) {
  for (;;) {
    wait_ready(listener, Direction::read, "accept a connection", options);
    Descriptor fd(::accept(listener, nullptr, nullptr));
    if (fd) {
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
      return fd;
    }
    if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED) {
      throw Error::from_errno(errno, "accept a connection");
    }
  }
}

std::size_t send_now(int socket, std::span<const std::byte> data, int descriptor) {
  prevent_signals(socket);
  iovec bytes{const_cast<std::byte*>(data.data()), data.size()};  // only read
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  for (;;) {
    const ssize_t count = ::sendmsg(socket, &message, send_flags | MSG_DONTWAIT);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) throw Error::from_errno(errno, "write to a socket");
  }
}

std::size_t receive(int socket, std::span<std::byte> buffer, std::vector<Descriptor>& descriptors) {
  constexpr std::size_t most = 8;
  iovec bytes{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(most * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t count = -1;
  do {
    count = ::recvmsg(socket, &message, 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == ECONNRESET) return 0;
  if (count < 0) throw Error::from_errno(errno, "read from a socket");
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < received; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      descriptors.emplace_back(fd);
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    throw Error(Errc::data_corruption, "a socket's peer sent more descriptors than expected");
  }
  return static_cast<std::size_t>(count);
}

std::unique_ptr<Stream> make_socket_stream(Descriptor socket) {
  return std::make_unique<SocketStream>(std::move(socket));
}

}  // namespace vmkit::os
