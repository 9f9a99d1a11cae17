// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit::vm::detail {

/// Holds a machine's port, which has one connection at a time, while it lives. Move-only.
class PortClaim {
 public:
  /// Throws failed_precondition if the port is held already.
  explicit PortClaim(std::shared_ptr<std::atomic<bool>> in_use) {
    if (in_use->exchange(true)) {
      throw Error(Errc::failed_precondition,
                  "it has a connection already, and can have one at a time; close that first");
    }
    in_use_ = std::move(in_use);
  }
  ~PortClaim() {
    if (in_use_) *in_use_ = false;
  }
  PortClaim(PortClaim&&) noexcept = default;

 private:
  std::shared_ptr<std::atomic<bool>> in_use_;
};

}  // namespace vmkit::vm::detail
