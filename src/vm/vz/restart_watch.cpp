// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/restart_watch.hpp"

#include <algorithm>

namespace vmkit::vm::vz {
namespace {

// Linux prints both at its highest level, so they are there whatever the console's level is.
constexpr std::string_view panic = "Kernel panic - not syncing";
constexpr std::string_view restart = "reboot: Restarting system";
constexpr std::size_t kept = std::max(panic.size(), restart.size()) - 1;

}  // namespace

bool RestartWatch::read(std::string_view output) {
  if (seen_) return true;
  end_ += output;
  seen_ = end_.find(panic) != end_.npos || end_.find(restart) != end_.npos;
  if (end_.size() > kept) end_.erase(0, end_.size() - kept);
  return seen_;
}

}  // namespace vmkit::vm::vz
