// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "os/descriptor.hpp"
#include "vm/helper/channel.hpp"

#include <vmkit/base/log.hpp>
#include <vmkit/vm/backend.hpp>

namespace vmkit::vm::helper {

inline constexpr int protocol_version = 1;

/// From what the owner wants: make_served_backend(), or a test's.
using BackendMaker =
    std::function<std::shared_ptr<Backend>(const Json& options, std::shared_ptr<LogSink> log)>;

/// What a helper program does: serves its owner at the other end of `socket`, with one machine at
/// most, until that goes. The machine is gone when it returns.
void serve(os::Descriptor socket, const BackendMaker& make_backend);

}  // namespace vmkit::vm::helper
