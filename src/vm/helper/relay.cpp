// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/relay.hpp"

#include <utility>
#include <vector>

#include "os/socket.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::helper {
namespace {

constexpr std::size_t relay_portion = 64 << 10;

/// Until `from` is at its end.
void carry(Stream& from, Stream& to) {
  std::vector<std::byte> buffer(relay_portion);
  while (const std::size_t count = from.read(buffer)) to.write(std::span(buffer).first(count));
}

}  // namespace

Relay::Relay(std::unique_ptr<Stream> stream, os::Descriptor socket, bool half_close)
    : machine_(std::move(stream)),
      owner_(os::make_socket_stream(std::move(socket))),
      to_owner_([this] { to_owner(); }),
      to_machine_([this, half_close] { to_machine(half_close); }) {}

Relay::~Relay() {
  close();
  to_owner_.join();
  to_machine_.join();
}

void Relay::close() noexcept {
  machine_->close();
  owner_->close();
}

void Relay::to_owner() {
  try {
    carry(*machine_, *owner_);
    owner_->close_write();
  } catch (const Error&) {
    close();
  }
}

void Relay::to_machine(bool half_close) {
  try {
    carry(*owner_, *machine_);
    if (half_close) return machine_->close_write();
  } catch (const Error&) {
  }
  machine_->close();
}

}  // namespace vmkit::vm::helper
