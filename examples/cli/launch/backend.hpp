// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <vmkit/vm/backend.hpp>

namespace cli {

/// The host's own way to run machines: Virtualization.framework on macOS, QEMU elsewhere.
std::shared_ptr<vmkit::vm::Backend> make_backend();

}  // namespace cli
