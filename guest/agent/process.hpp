// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "agent/yamux/frame.hpp"
#include "fd.hpp"
#include "service.hpp"

namespace vmkit::guest {

/// Our end of one of a process's standard streams. Without a stream, output is read and dropped:
/// the process must not stop because nobody listens.
struct Pipe {
  Fd fd;
  agent::yamux::StreamId stream = 0;
};

/// A child that a client asked for, from fork until its exit status is collected.
struct Process {
  pid_t pid = 0;
  Fd start_result;  ///< open until the program runs or has failed to
  std::string start_failure;
  std::optional<Deferred> start_request;
  bool failed_to_start = false;

  Pipe input;
  Pipe output;
  Pipe error;

  std::optional<int> wait_status;  ///< as waitpid gives it
  std::vector<Deferred> waiters;
  bool collected = false;  ///< a client knows the status
};

}  // namespace vmkit::guest
