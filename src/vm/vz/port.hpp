// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>

#include "os/descriptor.hpp"

#include <vmkit/base/stream.hpp>

namespace vmkit::vm::vz {

/// The host's side of one virtio port: our end of a pair of sockets, of which the framework has the
/// other for as long as the machine runs. A connection that is closed leaves the pair as it is, for
/// the next one. Thread-safe.
class PortEnd : public std::enable_shared_from_this<PortEnd> {
 public:
  explicit PortEnd(os::Descriptor ours);

  /// failed_precondition while an earlier stream lives.
  std::unique_ptr<Stream> connect();

  /// The machine has ended: so do its streams.
  void shut_down() noexcept;

 private:
  const os::Descriptor fd_;
  std::shared_ptr<std::atomic<bool>> in_use_ = std::make_shared<std::atomic<bool>>(false);
};

/// A pair of sockets that are connected, with room for what is on its way.
os::DescriptorPair make_port_pair();

}  // namespace vmkit::vm::vz
