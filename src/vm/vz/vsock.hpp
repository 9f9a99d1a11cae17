// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Virtualization/Virtualization.h>
#include <cstdint>
#include <map>

#include "vm/vz/framework.hpp"
#include "vm/vz/queue.hpp"
#include "vm/vz/retained.hpp"

namespace vmkit::vm::vz {

/// Connects to the guest's port. On the queue.
void connect_vsock(const Queue& queue, VZVirtioSocketDevice* device, std::uint32_t port,
                   const ConnectCompletion& done);

/// What listens on the host's ports, to be let go on the queue as all else of a machine.
class VsockListeners {
 public:
  void listen(const Queue& queue, VZVirtioSocketDevice* device, std::uint32_t port,
              const AcceptHandler& accept);
  void stop(VZVirtioSocketDevice* device, std::uint32_t port);

 private:
  struct Listener {
    Retained<VZVirtioSocketListener> object;
    Retained<NSObject> delegate;  // the framework has it weakly
  };
  std::map<std::uint32_t, Listener> listeners_;
};

}  // namespace vmkit::vm::vz
