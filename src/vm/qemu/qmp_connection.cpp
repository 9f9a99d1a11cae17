// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/qmp_connection.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <span>
#include <unistd.h>

#include "os/socket.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {

QmpConnection::QmpConnection(const std::filesystem::path& path) : socket_(os::connect_unix(path)) {
  os::set_nonblocking(socket_.get());
}

short QmpConnection::events() const noexcept {
  if (ended_) return 0;
  return static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT);
}

std::uint64_t QmpConnection::send(const QmpCommand& command) {
  unsent_.push_back({to_line(command, ++last_id_), command.descriptor});
  flush();
  return last_id_;
}

void QmpConnection::flush() {
  while (!unsent_.empty() && !ended_) {
    try {
      Unsent& next = unsent_.front();
      const std::size_t count = os::send_now(socket_.get(), std::as_bytes(std::span(next.bytes)),
                                             next.descriptor ? next.descriptor->get() : -1);
      if (count == 0) return;
      next.descriptor.reset();
      next.bytes.erase(0, count);
      if (next.bytes.empty()) unsent_.pop_front();
    } catch (const Error&) {
      unsent_.clear();  // QEMU is gone; what it said last may still be read
    }
  }
}

std::vector<QmpMessage> QmpConnection::exchange() {
  flush();
  std::vector<QmpMessage> messages;
  std::array<char, 16384> buffer;
  // Bounded, so that a flood of events cannot keep the caller here.
  for (int i = 0; i < 16 && !ended_; ++i) {
    const ssize_t count = ::read(socket_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count <= 0) {
      ended_ = true;
      break;
    }
    parser_.add({buffer.data(), static_cast<std::size_t>(count)});
    while (auto message = parser_.next()) messages.push_back(std::move(*message));
  }
  return messages;
}

}  // namespace vmkit::vm::qemu
