// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/channel.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sys/socket.h>

#include "base/json_depth.hpp"
#include "os/socket.hpp"
#include "os/wait.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::helper {
namespace {

constexpr std::size_t deepest_message = 16;
constexpr std::size_t most_descriptors = 64;  // under way
constexpr std::size_t bytes_portion = 1 << 20;
// Nobody is so slow who is not stuck.
constexpr auto send_limit = std::chrono::seconds(10);

Json parse_helper_message(const std::string& text) {
  Json message;
  if (!json_deeper_than(text, deepest_message)) {
    message = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  }
  if (!message.is_object()) {
    throw Error(Errc::data_corruption,
                "expected a JSON object at most " + std::to_string(deepest_message) + " deep");
  }
  return message;
}

}  // namespace

void Channel::send(const Json& message, int descriptor) {
  const auto kind = descriptor < 0 ? FrameKind::message : FrameKind::message_descriptor;
  // Text of the guest's may be no UTF-8.
  const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  send_frame(encode_frame(kind, text), descriptor);
}

void Channel::send_bytes(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), bytes_portion));
    send_frame(
        encode_frame(FrameKind::bytes, {reinterpret_cast<const char*>(part.data()), part.size()}),
        -1);
    bytes = bytes.subspan(part.size());
  }
}

void Channel::send_frame(const std::string& frame, int descriptor) {
  const std::lock_guard lock(sending_);
  try {
    const CallOptions limited = CallOptions{}.with_timeout(send_limit);
    for (auto rest = std::as_bytes(std::span(frame)); !rest.empty();) {
      const std::size_t sent = os::send_now(socket_.get(), rest, descriptor);
      if (sent != 0) descriptor = -1;
      rest = rest.subspan(sent);
      if (sent == 0) os::wait_ready(socket_.get(), os::Direction::write, "send", limited);
    }
  } catch (const Error& error) {
    shut_down();  // half a frame may be there
    throw Error(Errc::unavailable, error.what());
  }
}

std::optional<Received> Channel::receive() {
  for (;;) {
    if (auto received = take_frame()) return received;
    std::array<std::byte, 65536> buffer;
    std::vector<os::Descriptor> came;
    const std::size_t count = os::receive(socket_.get(), buffer, came);
    std::move(came.begin(), came.end(), std::back_inserter(descriptors_));
    if (descriptors_.size() > most_descriptors) {
      throw Error(Errc::data_corruption, "expected a frame for each descriptor");
    }
    if (count == 0) return std::nullopt;
    decoder_.add({reinterpret_cast<const char*>(buffer.data()), count});
  }
}

std::optional<Received> Channel::take_frame() {
  auto frame = decoder_.next();
  if (!frame) return std::nullopt;
  Received received;
  if (frame->kind == FrameKind::bytes) {
    received.bytes = std::move(frame->payload);
    return received;
  }
  received.message = parse_helper_message(frame->payload);
  if (frame->kind == FrameKind::message_descriptor) {
    if (descriptors_.empty()) {
      throw Error(Errc::data_corruption, "expected a descriptor along with a message");
    }
    received.descriptor = std::move(descriptors_.front());
    descriptors_.pop_front();
  }
  return received;
}

void Channel::close_write() noexcept {
  ::shutdown(socket_.get(), SHUT_WR);
}

void Channel::shut_down() noexcept {
  ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace vmkit::vm::helper
