// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vm/helper/connection.hpp"

#include <vmkit/vm/helper_backend.hpp>

namespace vmkit::vm::helper {

/// make_helper_backend, whose helpers are started by `launch`: in tests perhaps in this process.
std::shared_ptr<Backend> make_backend(HelperOptions options, Launcher launch);

}  // namespace vmkit::vm::helper
