// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "os/descriptor.hpp"

#include <vmkit/base/call_options.hpp>

namespace vmkit::os {

/// Lets one thread end another's poll(2). Thread-safe.
class WakePipe {
 public:
  WakePipe();
  /// Makes fd() readable, until clear(). Never blocks, never throws.
  void wake() noexcept;
  void clear() noexcept;
  int fd() const noexcept { return pipe_.first.get(); }

 private:
  DescriptorPair pipe_;
};

enum class Direction { read, write };

/// Blocks until `fd` can be read or written (or is at its end or in error). Throws cancelled or
/// timeout, naming `what`, as the options say.
void wait_ready(int fd, Direction direction, std::string_view what, const CallOptions& options);

}  // namespace vmkit::os
