// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/port.hpp"

#include <utility>

#include "os/socket.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {
namespace {

class PortStream final : public Stream {
 public:
  PortStream(detail::PortClaim claim, std::unique_ptr<Stream> socket)
      : claim_(std::move(claim)), socket_(std::move(socket)) {}

  std::size_t read(std::span<std::byte> buffer) override { return socket_->read(buffer); }
  void write(std::span<const std::byte> data) override { socket_->write(data); }

  // A half-closed connection is a closed one to QEMU, and a virtio port knows only open and closed.
  void close_write() override {
    throw Error(Errc::unsupported, "a machine's port cannot be closed in one direction only");
  }

  void close() noexcept override { socket_->close(); }

 private:
  detail::PortClaim claim_;  // released after the socket is closed
  std::unique_ptr<Stream> socket_;
};

}  // namespace

PortListener::PortListener(std::filesystem::path path)
    : path_(std::move(path)), listener_(os::listen_unix(path_)) {}

std::unique_ptr<Stream> PortListener::connect() const {
  detail::PortClaim claim(in_use_);
  return std::make_unique<PortStream>(std::move(claim),
                                      os::make_socket_stream(os::connect_unix(path_)));
}

}  // namespace vmkit::vm::qemu
