// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string_view>

#include "oci/http/http.hpp"

#include <vmkit/oci/token_realm.hpp>

namespace vmkit::oci {
namespace {

struct KnownRealm {
  std::string_view registry;
  std::string_view host;
};

// Each is run by the same operator as its registry. The documentation in the header lists them too.
constexpr std::array known_realms = {
    KnownRealm{"registry-1.docker.io", "auth.docker.io"},
    KnownRealm{"registry.gitlab.com", "gitlab.com"},
    KnownRealm{"docker.elastic.co", "docker-auth.elastic.co"},
    KnownRealm{"registry.digitalocean.com", "api.digitalocean.com"},
};

bool is_known(const TokenRealm& realm, const HttpUrl& registry) {
  return realm.port == "443" && registry == HttpUrl{"https", registry.host, "443"} &&
         std::any_of(known_realms.begin(), known_realms.end(), [&](const KnownRealm& known) {
           return known.registry == registry.host && known.host == realm.host;
         });
}

}  // namespace

bool default_token_realm_policy(const TokenRealm& realm) {
  const auto registry =
      HttpUrl::parse((realm.registry_plain_http ? "http://" : "https://") + realm.registry);
  if (!registry) return false;
  if (realm.scheme != "https" && !realm.registry_plain_http) return false;
  if (realm.host == registry->host) return true;
  return realm.scheme == "https" && (!realm.with_credential || is_known(realm, *registry));
}

}  // namespace vmkit::oci
