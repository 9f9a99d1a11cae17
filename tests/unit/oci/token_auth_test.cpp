// SPDX-License-Identifier: Apache-2.0
// A real registry that takes tokens, and a token server that signs them.
#include <doctest/doctest.h>

#include "support/docker_registry.hpp"
#include "support/errors.hpp"
#include "support/programs.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_image.hpp"
#include "support/url_fields.hpp"

#include <vmkit/oci/pull.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

constexpr auto tools = {"docker-registry", "openssl", "skopeo"};

const PullOptions amd64{.platform = {"linux", "amd64"}};

/// Three layers, so that there is something to fetch in parallel; skopeo pushes them.
TestImage push_image(const std::string& name, const std::vector<std::string>& skopeo_options) {
  const TestImage image = TestImage::make(
      "amd64", {noise_layer(200'000, 1), noise_layer(300'000, 2), noise_layer(400'000, 3)});
  const auto folder = temporary_directory();
  write_layout(folder.path(), image.blobs(), image.manifest, "image");
  std::vector<std::string> command = {"skopeo", "copy", "--quiet", "--preserve-digests"};
  command.insert(command.end(), skopeo_options.begin(), skopeo_options.end());
  command.push_back("oci:" + folder.path().string() + ":image");
  command.push_back("docker://" + name);
  run_program(command);
  return image;
}

RegistryClientOptions options_for(const DockerRegistry& registry,
                                  std::optional<Credential> credential) {
  RegistryClientOptions options;
  options.defaults.plain_http = true;
  if (credential) {
    options.credentials = std::make_shared<GivenCredentials>(
        std::map<std::string, Credential>{{registry.address(), *credential}});
  }
  return options;
}

struct Fixture {
  os::TemporaryDirectory folder = temporary_directory();
  ImageStore store = ImageStore::open(folder.path() / "store");
};

const Credential user{"user", "s3cret"};
const std::vector<std::string> push_options = {"--dest-tls-verify=false", "--dest-creds",
                                               "user:s3cret"};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "token access: a whole pull takes one token, and the next none") {
  if (!has_programs(tools)) return;
  TokenServer tokens;
  const DockerRegistry registry({.tokens = &tokens});
  const TestImage pushed = push_image(registry.address() + "/team/app:1", push_options);
  const auto reference = Reference::parse(registry.address() + "/team/app:1");

  tokens.forget_requests();
  RegistryClient client(options_for(registry, user));
  CHECK(pull(client, store, reference, amd64).descriptor.digest == pushed.manifest.digest());
  REQUIRE(tokens.requests().size() == 1);
  CHECK(tokens.requests()[0].method == "POST");
  CHECK(url_fields(tokens.requests()[0].body).find("scope")->second == "repository:team/app:pull");
  pull(client, store, reference, amd64);
  CHECK(tokens.requests().size() == 1);

  // Another repository is another scope; the password has done its duty.
  push_image(registry.address() + "/team/other:1", push_options);
  tokens.forget_requests();
  pull(client, store, Reference::parse(registry.address() + "/team/other:1"), amd64);
  REQUIRE(tokens.requests().size() == 1);
  CHECK(url_fields(tokens.requests()[0].body).find("grant_type")->second == "refresh_token");
}

TEST_CASE_FIXTURE(Fixture, "token access: a server that knows only GET; anonymous; refused") {
  if (!has_programs(tools)) return;
  TokenServer tokens({.with_post = false});
  const DockerRegistry registry({.tokens = &tokens});
  const TestImage pushed = push_image(registry.address() + "/public/app:1", push_options);
  push_image(registry.address() + "/team/app:1", push_options);
  const auto open = Reference::parse(registry.address() + "/public/app:1");
  const auto closed = Reference::parse(registry.address() + "/team/app:1");
  const auto pull_as = [&](const Reference& reference, std::optional<Credential> credential) {
    tokens.forget_requests();
    RegistryClient client(options_for(registry, std::move(credential)));
    return pull(client, store, reference, amd64).descriptor.digest;
  };

  CHECK(pull_as(open, {}) == pushed.manifest.digest());
  CHECK(tokens.requests().size() == 1);
  // A good token that does not give what is needed: one try, no loop.
  check_error(Errc::unauthenticated, {"401", "none were given", "no such repository"},
              [&] { pull_as(closed, {}); });
  CHECK(tokens.requests().size() == 1);
  check_error(Errc::unauthenticated, {"token for", "were refused"}, [&] {
    pull_as(closed, Credential{"user", "wrong"});
  });
  CHECK(tokens.requests().size() == 2);  // POST, which it does not know, and GET
  CHECK(store.list().size() == 1);
  CHECK(pull_as(closed, user) == pushed.manifest.digest());
  CHECK(tokens.requests().size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "token access: tokens that live a second are renewed in time") {
  if (!has_programs(tools)) return;
  TokenServer tokens({.lifetime_seconds = 1});
  const DockerRegistry registry({.tokens = &tokens});
  push_image(registry.address() + "/public/app:1", push_options);
  tokens.forget_requests();
  RegistryClient client(options_for(registry, {}));
  const auto reference = Reference::parse(registry.address() + "/public/app:1");
  client.fetch_manifest(reference);
  std::this_thread::sleep_for(std::chrono::milliseconds(950));
  client.fetch_manifest(reference);
  CHECK(tokens.requests().size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "token access: from https to a realm in plain http only by policy") {
  if (!has_programs(tools)) return;
  TokenServer tokens;
  const DockerRegistry registry({.tls = true, .tokens = &tokens});
  const TestImage pushed = push_image(registry.address() + "/team/app:1", push_options);
  const auto reference = Reference::parse(registry.address() + "/team/app:1");
  tokens.forget_requests();
  auto options = options_for(registry, user);
  options.defaults = {.ca_file = registry.ca_file()};
  {
    RegistryClient client(options);
    check_error(Errc::permission_denied, {"token realm policy", "http://127.0.0.1:"},
                [&] { pull(client, store, reference, amd64); });
    CHECK(tokens.requests().empty());
    CHECK(store.list().empty());
  }
  options.token_realm_policy = [&](const TokenRealm& realm) {
    return default_token_realm_policy(realm) || realm.url == tokens.realm();
  };
  RegistryClient client(options);
  CHECK(pull(client, store, reference, amd64).descriptor.digest == pushed.manifest.digest());
  CHECK(tokens.requests().size() == 1);
}
