// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit {

/// All that a source still has: what a process prints, a small blob, a file of a container. Throws
/// resource_exhausted if that is more than `limit`, and what the source throws; what was read until
/// then is lost. Memory: what was read.
std::string read_to_end(Source& source, ByteSize limit = 16_MiB);

}  // namespace vmkit
