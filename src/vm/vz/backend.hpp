// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vm/vz/framework.hpp"

#include <vmkit/vm/vz_backend.hpp>

namespace vmkit::vm::vz {

/// The backend over one framework: Apple's, a test's, or, on other systems, none.
std::shared_ptr<Backend> make_backend(VzOptions options, std::shared_ptr<Framework> framework);

}  // namespace vmkit::vm::vz
