// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>
#include <utility>

#include "oci/auth/base64.hpp"
#include "oci/auth/credential_helper.hpp"
#include "oci/auth/registry_names.hpp"
#include "oci/document/json.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/docker_config_credentials.hpp>

namespace vmkit::oci {
namespace {

constexpr ByteSize longest_config = 1_MiB;
/// The key of Docker Hub in every Docker config.json, and what helpers know it by.
constexpr std::string_view docker_hub_key = "https://index.docker.io/v1/";

/// A key of `auths` or `credHelpers` without what is not part of a registry's or repository's name.
std::string_view bare_key(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    // With a scheme it is the address of an API, whose path says nothing about repositories.
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
      return key.substr(0, key.find('/'));
    }
  }
  for (const std::string_view api : {"/v1/", "/v2/", "/v1", "/v2", "/"}) {
    if (key.ends_with(api)) return key.substr(0, key.size() - api.size());
  }
  return key;
}

/// Names that a key may have, the best first: "r.io/a/b", "r.io/a", "r.io".
std::vector<std::string> wanted_keys(const CredentialQuery& query) {
  const auto registries = names_of_registry(query.registry);
  std::vector<std::string> result;
  for (std::string path = query.repository; !path.empty();) {
    for (const std::string& registry : registries) result.push_back(registry + '/' + path);
    const std::size_t slash = path.rfind('/');
    path.resize(slash == path.npos ? 0 : slash);
  }
  result.insert(result.end(), registries.begin(), registries.end());
  return result;
}

/// The keys among `keys` that mean one of the wanted, the best first; of equals the one without a
/// scheme and path.
std::vector<std::string> fitting_keys(const std::vector<std::string>& keys,
                                      const std::vector<std::string>& wanted) {
  std::vector<std::string> result;
  for (const std::string& name : wanted) {
    const auto at = result.size();
    for (const std::string& key : keys) {
      if (bare_key(key) != name) continue;
      result.insert(key == name ? result.begin() + static_cast<std::ptrdiff_t>(at) : result.end(),
                    key);
    }
  }
  return result;
}

std::optional<Credential> credential_of(const JsonObject& entry) {
  Credential credential{.username = entry.text("username"),
                        .password = entry.text("password"),
                        .identity_token = entry.text("identitytoken")};
  if (const std::string coded = entry.text("auth"); !coded.empty()) {
    auto plain = base64_decode(coded);
    const std::size_t colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos) {
      entry.fail("auth", "expected base64 of a user name, \":\" and a password");
    }
    // Old versions of Docker wrote it with NULs at its end.
    plain->resize(plain->find_last_not_of('\0') + 1);
    credential.username = plain->substr(0, colon);
    credential.password = plain->substr(std::min(colon + 1, plain->size()));
  }
  if (credential.identity_token.empty() && credential.password.empty()) return std::nullopt;
  return credential;
}

}  // namespace

DockerConfigCredentials::DockerConfigCredentials(std::filesystem::path file,
                                                 CredentialHelperOptions helpers)
    : file_(std::move(file)), helpers_(std::move(helpers)) {}

std::optional<Credential> DockerConfigCredentials::find(const CredentialQuery& query,
                                                        const CallOptions& options) {
  const auto content = os::read_file_if_exists(file_, longest_config);
  if (!content) return std::nullopt;
  const std::string what = file_.string();
  const auto json = parse_json(*content, what, {.size = longest_config});
  const JsonObject document(json, what);

  // As Docker does: helpers know a registry by its host, and Docker Hub by its old address.
  const std::string server =
      query.registry == "docker.io" ? std::string(docker_hub_key) : query.registry;
  const auto ask = [&](const JsonObject& object, const char* field) -> std::optional<Credential> {
    const std::string name = object.text(field);
    if (name.empty()) return std::nullopt;
    if (!is_helper_name(name)) {
      object.fail(field,
                  "expected the name of a credential helper, of letters, digits, \".\", \"_\" and "
                  "\"-\"");
    }
    try {
      return ask_credential_helper(name, server, helpers_, options);
    } catch (const Error& error) {
      throw error.with_context(what + ": " + field);
    }
  };

  if (const auto helpers = document.object("credHelpers")) {
    const auto keys = fitting_keys(document.keys("credHelpers"), names_of_registry(query.registry));
    for (const std::string& key : keys) {
      if (auto found = ask(*helpers, key.c_str())) return found;
    }
  }
  if (auto found = ask(document, "credsStore")) return found;
  if (const auto entries = document.object("auths")) {
    for (const std::string& key : fitting_keys(document.keys("auths"), wanted_keys(query))) {
      const auto entry = entries->object(key.c_str());
      if (!entry) continue;
      if (auto found = credential_of(*entry)) return found;
    }
  }
  return std::nullopt;
}

}  // namespace vmkit::oci
