// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "oci/registry/registry_access.hpp"

#include <vmkit/base/stream.hpp>

namespace vmkit::oci {

/// Gives `sink` the bytes of a blob from `offset` on, each once and in order, from the mirrors that
/// there are and at last from the registry. With `verify` (for offset 0 only) or where there are
/// mirrors the digest of a whole blob is checked at the end.
void fetch_blob_from(RegistryAccess& access, const Reference& repository,
                     const Descriptor& descriptor, std::uint64_t offset, Sink& sink, bool verify,
                     const CallOptions& call);

}  // namespace vmkit::oci
