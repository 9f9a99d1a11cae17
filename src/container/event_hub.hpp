// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include <vmkit/agent/event.hpp>
#include <vmkit/container/event.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::container {

/// Tells all who have subscribed, one event at a time. Thread-safe.
class EventHub {
 public:
  vm::EventSubscription subscribe(ContainerEventHandler handler);

  void tell(std::string type, std::map<std::string, std::string, std::less<>> attributes = {});
  void tell(const vm::MachineEvent& event);
  void tell(const agent::GuestEvent& event) { tell(event.type, event.attributes); }

 private:
  /// Outlives the hub as long as there are subscriptions.
  struct Handlers {
    std::mutex mutex;
    std::list<ContainerEventHandler> all;
  };
  std::shared_ptr<Handlers> handlers_ = std::make_shared<Handlers>();
};

}  // namespace vmkit::container
