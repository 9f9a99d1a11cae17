// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <vmkit/oci/registry_client.hpp>

// Where a registry has no call for referrers, they stand in an index under a tag that the subject's
// digest gives, and whoever pushes one enters it there (OCI distribution specification 1.1).
namespace vmkit::oci {

/// The digest that a manifest or index names as its subject; empty if there is none, or no digest.
std::string subject_of(std::string_view content);

std::string referrers_tag(const Digest& subject);

/// Enters the manifest `descriptor` with `content` in the list of `subject`, unless it is there.
/// Two that do so at once may overwrite each other, as registries know no condition for it: whoever
/// does not find its entry afterwards tries again, a few times.
void add_to_referrers_tag(RegistryClient& client, const Reference& repository,
                          const Digest& subject, const Descriptor& descriptor,
                          std::string_view content, const CallOptions& options);

}  // namespace vmkit::oci
