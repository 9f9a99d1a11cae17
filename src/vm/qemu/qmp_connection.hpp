// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "os/descriptor.hpp"
#include "vm/qemu/qmp.hpp"

namespace vmkit::vm::qemu {

/// The control socket of one QEMU, without blocking: poll fd(), then call the rest. Confined.
class QmpConnection {
 public:
  /// Connects; the listener may be served later.
  explicit QmpConnection(const std::filesystem::path& path);

  int fd() const noexcept { return socket_.get(); }
  /// What to poll for: POLLIN, and POLLOUT while a command waits to be sent. 0 after the end.
  short events() const noexcept;
  /// True when QEMU has closed it, which it only does when it ends.
  bool ended() const noexcept { return ended_; }

  /// Sends a command; the reply has the id that is returned.
  std::uint64_t send(const QmpCommand& command);

  /// Sends what waits and reads what is there. Throws data_corruption for garbage. At the end of
  /// the connection, which is also QEMU's end, there are no more messages.
  std::vector<QmpMessage> exchange();

 private:
  void flush();

  os::Descriptor socket_;
  QmpParser parser_;
  struct Unsent {
    std::string bytes;
    std::shared_ptr<const os::Descriptor> descriptor;
  };
  std::deque<Unsent> unsent_;
  std::uint64_t last_id_ = 0;
  bool ended_ = false;
};

}  // namespace vmkit::vm::qemu
