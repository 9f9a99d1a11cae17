// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace cli {

/// Twelve random hexadecimal digits.
std::string random_id();
/// "eager_otter".
std::string random_name();
/// Throws invalid_argument unless it is 1 to 64 letters, digits, '_', '.' and '-', the first a
/// letter or digit.
void check_name(const std::string& name);

}  // namespace cli
