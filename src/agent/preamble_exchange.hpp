// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

/// Greets the agent at the other end of `transport` and waits for its answer; skips what an
/// earlier session left on the way. Returns what was read beyond the answer.
///
/// The greeting may be sent before the guest has booted; it is repeated now and then. Throws
/// unsupported if the agent speaks another version, unavailable if the transport ends, cancelled
/// or timeout; `transport` is closed then.
std::vector<std::byte> exchange_preambles(Stream& transport, const CallOptions& options);

}  // namespace vmkit::agent
