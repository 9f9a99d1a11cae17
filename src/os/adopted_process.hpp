// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <sys/types.h>

#include "os/descriptor.hpp"

namespace vmkit::os {

/// A process that is not this one's child, held so that its number cannot come to mean another one.
/// How it ends nobody but its parent is told. The destructor leaves it alone. Thread-compatible.
class AdoptedProcess {
 public:
  /// The process that has this number now. Throws not_found if there is none.
  explicit AdoptedProcess(pid_t pid);

  pid_t pid() const noexcept { return pid_; }
  /// For poll(2): readable once it has ended. Not to be read or closed.
  int exit_event() const noexcept { return exit_event_.get(); }
  bool has_ended() const;
  /// Sends `signal`; nothing happens when it has ended.
  void kill(int signal) const noexcept;
  /// Ends it at once; returns when that is done.
  void end() const noexcept;

 private:
  pid_t pid_;
  Descriptor exit_event_;
};

}  // namespace vmkit::os
