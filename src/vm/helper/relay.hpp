// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <thread>

#include "os/descriptor.hpp"

#include <vmkit/base/stream.hpp>

namespace vmkit::vm::helper {

/// Carries bytes between a machine's stream and a socket, both ways, until both have ended: what
/// the owner has is the socket's other end. Its destructor ends both.
class Relay {
 public:
  /// `half_close`: the stream can be closed in one direction, and is when the owner does so.
  Relay(std::unique_ptr<Stream> stream, os::Descriptor socket, bool half_close);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

 private:
  void to_owner();
  void to_machine(bool half_close);
  void close() noexcept;

  const std::unique_ptr<Stream> machine_;
  const std::unique_ptr<Stream> owner_;
  std::thread to_owner_, to_machine_;
};

}  // namespace vmkit::vm::helper
