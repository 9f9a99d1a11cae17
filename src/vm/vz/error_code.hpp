// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {

/// An NSError as an Error, whose native code is that of VZErrorDomain or POSIX; `text` is what the
/// framework says for people. Pure.
Error make_error(std::string_view domain, std::int64_t code, const std::string& text);

}  // namespace vmkit::vm::vz
