// SPDX-License-Identifier: Apache-2.0
#include "console.hpp"

#include <cstring>
#include <string>
#include <unistd.h>

namespace vmkit::guest {

void log(std::string_view text) {
  std::string line = "vmkit-agent: ";
  line.append(text).append("\n");
  // Nobody is told if the console does not take it: there is no better place to say so.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

void log_errno(std::string_view text, int errno_value) {
  log(std::string(text) + ": " + std::strerror(errno_value));
}

}  // namespace vmkit::guest
