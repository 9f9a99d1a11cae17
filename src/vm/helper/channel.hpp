// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "os/descriptor.hpp"
#include "vm/helper/frame.hpp"

namespace vmkit::vm::helper {

using Json = nlohmann::json;

/// What came: a message, perhaps with a descriptor, or bytes.
struct Received {
  Json message;  ///< An object; null for bytes.
  os::Descriptor descriptor;
  std::string bytes;
};

/// Messages over a connected unix socket, at either end. Many threads may send, one receives.
class Channel {
 public:
  explicit Channel(os::Descriptor socket) : socket_(std::move(socket)) {}

  /// `descriptor`, if there is one, goes along; the caller keeps its own. Throws unavailable if the
  /// peer has gone, or takes nothing for long; and after that always.
  void send(const Json& message, int descriptor = -1);
  void send_bytes(std::span<const std::byte> bytes);

  /// Waits; nothing at the end. Throws data_corruption for what is no such message.
  std::optional<Received> receive();

  /// No more will be sent: the peer's receive() is at its end.
  void close_write() noexcept;
  /// Ends the connection: receive() is at its end, and the peer's too.
  void shut_down() noexcept;

 private:
  void send_frame(const std::string& frame, int descriptor);
  std::optional<Received> take_frame();

  const os::Descriptor socket_;
  std::mutex sending_;
  FrameDecoder decoder_;                    // of who receives
  std::deque<os::Descriptor> descriptors_;  // that came, and whose frames are not whole yet
};

}  // namespace vmkit::vm::helper
