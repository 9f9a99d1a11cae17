// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::vm {

/// Takes the connections that programs in a machine's guest make to one vsock port of its host: see
/// Machine::listen_vsock. Its end refuses those that nobody has accepted and all that come later.
/// Thread-safe; may outlive the machine.
class VsockListener {
 public:
  virtual ~VsockListener();

  /// The next connection, which can be closed in one direction; waits until there is one. A few
  /// dozen wait for it, others are refused. unavailable when the machine has ended or does not
  /// listen any more: not even after its boot was retried; cancelled, timeout.
  virtual std::unique_ptr<Stream> accept(const CallOptions& options = {}) = 0;
};

}  // namespace vmkit::vm
