// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "fd.hpp"
#include "input.hpp"
#include "output.hpp"
#include "service.hpp"

namespace vmkit::guest {

/// A child that a client asked for, from fork until nobody needs to know of it any more.
struct Process {
  pid_t pid = 0;
  std::string program;
  Fd start_result;  ///< open until the program runs or has failed to
  std::string start_failure;
  std::optional<Deferred> start_request;
  bool failed_to_start = false;

  Input input;
  Output output;
  Output error;
  bool terminal = false;  ///< input and output are one
  bool sending = false;   ///< is in the queue of those with output to send

  std::optional<int> wait_status;  ///< as waitpid gives it
  std::vector<Deferred> waiters;
  std::optional<Answered> collected;  ///< a client was told the status
  bool keep = false;                  ///< until a client says otherwise
  bool listed = false;                ///< is among the finished that may have to go

  Output& output_of(StdioKind kind) { return kind == StdioKind::error ? error : output; }
};

}  // namespace vmkit::guest
