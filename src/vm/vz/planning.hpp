// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "vm/vz/plan.hpp"

namespace vmkit::vm::vz {

/// "15.1".
std::string macos_version(const MacFacts& mac);

/// A plan in the making, with what is wrong with it.
struct Planning {
  const MachineConfig& config;
  const MacFacts& mac;
  PlanResult result = {};

  VzPlan& plan() { return result.plan; }

  /// But for a field of which something worse is known: what is wrong on every backend need not be
  /// told again.
  void add(const std::string& field, std::string message);
  /// Adds that a later macOS is needed, unless this is one. `what`: for what value of the field.
  void require_macos(unsigned major, const std::string& field, std::string_view what = {});
};

/// `disk` as it is to be made; what is wrong with it goes to `field`.
PlannedDisk plan_disk(Planning& planning, const Disk& disk, const std::string& field);
void plan_networks(Planning& planning);

}  // namespace vmkit::vm::vz
