// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service.hpp"

namespace vmkit::guest {

/// The machine as a whole: who it is, its root, its clock and seed.
class Machine final : public Service {
 public:
  /// `own`: this program is PID 1 of a machine. Otherwise it serves a test, whose processes run
  /// without a root of their own.
  explicit Machine(bool own) : own_(own) {}

  void add_methods(Methods& methods) override;

  /// Where processes have their root; null: where the agent has it. Throws RpcError wrong_state
  /// if no root is mounted in a machine that needs one.
  const char* root() const;

 private:
  agent::Json hello() const;
  agent::Json mount_root(const agent::Json& params);
  agent::Json configure(const agent::Json& params);

  bool own_;
  bool root_mounted_ = false;
};

}  // namespace vmkit::guest
