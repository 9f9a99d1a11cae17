// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <thread>

#include "monitor/channel.hpp"

namespace cli {

/// Reads what a client sends while something is done for it, in a thread of its own, until the
/// object's end or the client's: then `gone` is called, once.
class PeerMessages {
 public:
  PeerMessages(Channel& channel, std::function<void(const nlohmann::json&)> handler,
               std::function<void()> gone)
      : channel_(channel), thread_([this, handler = std::move(handler), gone = std::move(gone)] {
          try {
            while (const auto message = channel_.receive()) handler(*message);
          } catch (const std::exception&) {
            // Not a client of ours.
          }
          gone();
        }) {}
  ~PeerMessages() {
    channel_.shutdown_receive();
    thread_.join();
  }
  PeerMessages(const PeerMessages&) = delete;
  PeerMessages& operator=(const PeerMessages&) = delete;

 private:
  Channel& channel_;
  std::thread thread_;
};

}  // namespace cli
