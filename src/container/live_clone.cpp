// SPDX-License-Identifier: Apache-2.0
#include "container/live_clone.hpp"

#include <chrono>

#include <vmkit/base/error.hpp>

namespace vmkit::container {
namespace {

// A copy takes a moment, or some seconds where blocks cannot be shared.
constexpr auto freeze_limit = std::chrono::minutes(2);

// Whoever wants to stop the copy does not want the guest to stand still.
void thaw(agent::Client& agent) {
  agent.thaw(CallOptions{}.with_timeout(std::chrono::seconds(5)));
}

}  // namespace

disk::CloneMethod clone_frozen(agent::Client& agent, const MakeClone& make, const UndoClone& undo,
                               disk::CloneMode mode, const CallOptions& options) {
  disk::CloneMethod method;
  try {
    agent.freeze(freeze_limit, options);
    method = make({.mode = mode, .source_rests = true}, options.with_timeout(freeze_limit));
  } catch (...) {
    try {
      thaw(agent);
    } catch (const Error&) {
      // It was not frozen, or thaws by itself in time.
    }
    throw;
  }
  try {
    thaw(agent);
  } catch (const Error&) {
    // It was thawed too early, perhaps: such a copy is worth nothing.
    undo();
    throw;
  }
  return method;
}

}  // namespace vmkit::container
