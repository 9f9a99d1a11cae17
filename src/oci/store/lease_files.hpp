// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include <vmkit/base/digest.hpp>

namespace vmkit::oci {

/// What all leases of a store have now. The caller holds the lock of the collection, so that none
/// gets more meanwhile.
std::vector<Digest> leased_digests(const std::filesystem::path& store_root);

/// Removes the files of leases whose process was killed.
void remove_dead_leases(const std::filesystem::path& store_root);

}  // namespace vmkit::oci
