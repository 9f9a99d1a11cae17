// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/base/byte_size.hpp>

namespace vmkit::vm::detail {

/// With less no Linux of today boots, nor goes on.
constexpr ByteSize least_memory(32ULL << 20);

}  // namespace vmkit::vm::detail
