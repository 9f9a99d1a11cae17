// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/json.hpp"
#include "fd.hpp"

namespace vmkit::guest {

/// The cgroup (v2) that all processes of the container are in; the agent is not.
class Cgroup {
 public:
  /// Makes it. A kernel without cgroups has none, which only matters if there are limits. Throws
  /// RpcError.
  static Cgroup make(const agent::Json& limits);

  Cgroup() = default;

  explicit operator bool() const { return bool(folder_); }
  /// The folder, for clone3; -1 if there is none.
  int fd() const { return folder_.get(); }

  /// Sets the limits that are there and leaves the others. Throws RpcError not_supported for what
  /// this kernel does not have.
  void limit(const agent::Json& limits) const;

  /// What is in one of its files; nothing if the kernel has no such.
  std::optional<std::string> read(const char* file) const;
  /// Opens one, to be told of changes.
  Fd open(const char* file) const;

 private:
  void set(const char* file, const std::string& value, const char* field) const;

  Fd folder_;
};

}  // namespace vmkit::guest
