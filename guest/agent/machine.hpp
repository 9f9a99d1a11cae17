// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "container.hpp"
#include "service.hpp"

namespace vmkit::guest {

/// The machine as a whole: who it is, its root, its clock and seed.
class Machine final : public Service {
 public:
  /// `own`: this program is PID 1 of a machine. Otherwise it serves a test, whose processes run
  /// without a root of their own, and whose files are those in `files_root`.
  Machine(bool own, const char* files_root) : own_(own), files_root_(files_root) {}

  void add_methods(Methods& methods) override;

  /// Where processes run; null: where the agent does, for a test. Throws RpcError wrong_state if
  /// the machine has none yet.
  Container* container();
  bool has_container() const { return container_.has_value(); }
  /// The root folder of processes, for paths of theirs (O_PATH); see Container::root_fd. Throws as
  /// container().
  int root_fd();

 private:
  agent::Json hello() const;
  agent::Json create_container(const agent::Json& params);
  agent::Json configure(const agent::Json& params);

  bool own_;
  const char* files_root_;
  std::optional<Container> container_;
  Fd own_root_;  ///< in a test
};

}  // namespace vmkit::guest
