// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace vmkit::guest {

/// Calls `visit` with the name of each entry but "." and ".."; a missing directory has none.
void for_each_entry(const char* path, const std::function<void(const std::string&)>& visit);

}  // namespace vmkit::guest
