// SPDX-License-Identifier: Apache-2.0
#include "monitor/channel.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "monitor/socket_address.hpp"
#include "output/json.hpp"

namespace cli {
namespace {

using namespace vmkit;
using Json = nlohmann::json;

constexpr std::size_t longest_message = 1024 * 1024;
constexpr std::size_t most_descriptors = 3;

// More than CMSG_SPACE of these, which is no constant on macOS.
using Control = std::array<char, 128>;

auto control_length() {
  return static_cast<decltype(msghdr::msg_controllen)>(CMSG_SPACE(sizeof(int) * most_descriptors));
}

void close_on_exec(int fd) {
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void take(msghdr& message, std::vector<Descriptor>& descriptors) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      close_on_exec(fd);
      descriptors.emplace_back(fd);
    }
  }
}

}  // namespace

Channel Channel::connect(const std::filesystem::path& path) {
  const sockaddr_un address = socket_address(path);
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  if (socket.get() < 0) throw Error::from_errno(errno, "make a socket");
  close_on_exec(socket.get());
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), generic, sizeof address) != 0) {
    throw Error(Errc::unavailable,
                "nobody answers at " + path.string() + ": " + std::strerror(errno));
  }
  return Channel(std::move(socket));
}

std::pair<Channel, Channel> Channel::make_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
    throw Error::from_errno(errno, "make a pair of sockets");
  }
  for (const int fd : ends) close_on_exec(fd);
  return {Channel(Descriptor(ends[0])), Channel(Descriptor(ends[1]))};
}

void Channel::send(const Json& message, std::span<const int> descriptors) {
  const std::string line = to_text(message) + '\n';
  if (line.size() > longest_message) {
    throw Error(Errc::invalid_argument, "a message of " + std::to_string(line.size()) +
                                            " bytes is too long for a container's monitor: " +
                                            std::to_string(longest_message) + " are allowed");
  }
  const std::lock_guard lock(*sending_);
  for (std::size_t sent = 0; sent < line.size();) {
    iovec piece{const_cast<char*>(line.data()) + sent, line.size() - sent};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    alignas(cmsghdr) Control control{};
    if (sent == 0 && !descriptors.empty()) {
      header.msg_control = control.data();
      header.msg_controllen =
          static_cast<decltype(header.msg_controllen)>(CMSG_SPACE(descriptors.size_bytes()));
      cmsghdr* const part = CMSG_FIRSTHDR(&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = static_cast<decltype(part->cmsg_len)>(CMSG_LEN(descriptors.size_bytes()));
      std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
    }
    const ssize_t count = ::sendmsg(socket_.get(), &header, 0);  // SIGPIPE is ignored
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw Error(Errc::unavailable, std::string("the other end is gone: ") + std::strerror(errno));
    }
    sent += static_cast<std::size_t>(count);
  }
}

std::optional<Json> Channel::receive() {
  for (;;) {
    if (const std::size_t end = received_.find('\n'); end != std::string::npos) {
      Json message = Json::parse(
          received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
      received_.erase(0, end + 1);
      if (!message.is_object()) throw Error(Errc::data_corruption, "expected a JSON object");
      return message;
    }
    if (received_.size() > longest_message) {
      throw Error(Errc::data_corruption, "a message is longer than is allowed");
    }
    std::array<char, 16384> buffer;
    iovec piece{buffer.data(), buffer.size()};
    alignas(cmsghdr) Control control{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control_length();
    const ssize_t count = ::recvmsg(socket_.get(), &header, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    take(header, descriptors_);
    if ((header.msg_flags & MSG_CTRUNC) != 0 || descriptors_.size() > most_descriptors) {
      throw Error(Errc::data_corruption, "more descriptors came than are allowed");
    }
    received_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

void Channel::shutdown_receive() noexcept {
  ::shutdown(socket_.get(), SHUT_RD);
}

void Channel::close() noexcept {
  ::shutdown(socket_.get(), SHUT_RDWR);
}

Json to_json(const Error& error) {
  return {{"error", {{"code", to_string(error.code())}, {"message", error.what()}}}};
}

Error error_of(const Json& message) {
  const auto& error = message.at("error");
  const std::string name = error.at("code").get<std::string>();
  Errc code = Errc::internal;
  for (int number = 1; number <= static_cast<int>(Errc::internal); ++number) {
    if (to_string(static_cast<Errc>(number)) == name) code = static_cast<Errc>(number);
  }
  return Error(code, error.at("message").get<std::string>());
}

}  // namespace cli
