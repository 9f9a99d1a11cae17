// SPDX-License-Identifier: Apache-2.0
#include <vmkit/base/error.hpp>
#include <vmkit/oci/keychain_credentials.hpp>

namespace vmkit::oci {

bool KeychainCredentials::available() noexcept {
  return false;
}

std::optional<Credential> KeychainCredentials::find(const CredentialQuery&, const CallOptions&) {
  throw Error(Errc::unsupported,
              "the Keychain is a part of macOS; use a Docker config.json with a credential helper");
}

}  // namespace vmkit::oci
