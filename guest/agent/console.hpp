// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vmkit::guest {

/// Writes "vmkit-agent: `text`" as one line to standard error, which for PID 1 is the console.
void log(std::string_view text);
/// The same with ": " and the text of `errno_value`.
void log_errno(std::string_view text, int errno_value);

}  // namespace vmkit::guest
