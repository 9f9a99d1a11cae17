// SPDX-License-Identifier: Apache-2.0
#include "handle.hpp"

#include <chrono>
#include <set>
#include <thread>

namespace vmkit::python {
namespace {

std::set<HandleBase*>& handles() {
  static auto& all = *new std::set<HandleBase*>;
  return all;
}

}  // namespace

HandleBase::HandleBase() {
  handles().insert(this);
}

HandleBase::~HandleBase() {
  handles().erase(this);
}

void HandleBase::close_all() {
  // Each close lets other threads run, which may end handles of their own. A closed one stays in
  // the set: the next is found by its place.
  HandleBase* last = nullptr;
  for (;;) {
    const auto next = handles().upper_bound(last);
    if (next == handles().end()) return;
    last = *next;
    last->close();
  }
}

void wait_while(bool (*used)(const void*), const void* argument) {
  const Unlocked unlocked;
  while (used(argument)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace vmkit::python
