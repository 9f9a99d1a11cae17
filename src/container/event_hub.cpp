// SPDX-License-Identifier: Apache-2.0
#include "container/event_hub.hpp"

#include <exception>
#include <utility>

#include "container/machine_end.hpp"

namespace vmkit::container {
namespace {

std::string type_of(vm::MachineEventReason reason) {
  switch (reason) {
    case vm::MachineEventReason::start_requested:
      return "starting";
    case vm::MachineEventReason::stop_requested:
      return "stopping";
    default:
      return std::string(to_string(reason));
  }
}

}  // namespace

vm::EventSubscription EventHub::subscribe(ContainerEventHandler handler) {
  const std::lock_guard lock(handlers_->mutex);
  const auto place = handlers_->all.insert(handlers_->all.end(), std::move(handler));
  // The pointer stands for the place in the list, which goes when the last copy does.
  return vm::EventSubscription(std::shared_ptr<void>(nullptr, [handlers = handlers_, place](void*) {
    const std::lock_guard end(handlers->mutex);
    handlers->all.erase(place);
  }));
}

void EventHub::tell(std::string type, std::map<std::string, std::string, std::less<>> attributes) {
  const ContainerEvent event{std::chrono::system_clock::now(), std::move(type),
                             std::move(attributes)};
  const std::lock_guard lock(handlers_->mutex);
  for (const ContainerEventHandler& handler : handlers_->all) {
    try {
      handler(event);
    } catch (const std::exception&) {
    }
  }
}

void EventHub::tell(const vm::MachineEvent& event) {
  if (!is_over(event.state)) return tell(type_of(event.reason));
  tell("ended", {{"reason", std::string(to_string(event.reason))},
                 {"message", event.error ? event.error->what() : ""}});
}

}  // namespace vmkit::container
