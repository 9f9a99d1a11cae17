// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace vmkit::agent {

/// Random bytes of the system's generator, in hexadecimal.
std::string random_hex(std::size_t bytes);

}  // namespace vmkit::agent
