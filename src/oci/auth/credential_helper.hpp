// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <vmkit/oci/docker_config_credentials.hpp>

namespace vmkit::oci {

/// Runs `docker-credential-NAME get` for `server`; nullopt if it knows none. Throws as
/// DockerConfigCredentials::find. `name` must be letters, digits, ".", "_" and "-".
std::optional<Credential> ask_credential_helper(const std::string& name, const std::string& server,
                                                const CredentialHelperOptions& helpers,
                                                const CallOptions& options);

/// Whether a helper may have this name.
bool is_helper_name(const std::string& name);

}  // namespace vmkit::oci
