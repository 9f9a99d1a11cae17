// SPDX-License-Identifier: Apache-2.0
// Pushes to a real registry that takes tokens, and the scopes that they need.
#include <algorithm>
#include <doctest/doctest.h>

#include "docker_registry_fixture.hpp"
#include "support/memory_source.hpp"
#include "support/url_fields.hpp"

#include <vmkit/oci/push.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

/// The scopes of each token request.
std::vector<std::string> scopes(const TokenServer& tokens) {
  std::vector<std::string> result;
  for (const FaultRequest& request : tokens.requests()) {
    const auto fields =
        url_fields(request.method == "POST" ? request.body
                                            : request.target.substr(request.target.find('?') + 1));
    std::string all;
    for (auto [at, end] = fields.equal_range("scope"); at != end; ++at) {
      all += (all.empty() ? "" : " ") + at->second;
    }
    result.push_back(all);
  }
  return result;
}

}  // namespace

TEST_CASE("token push: one token for a push, one more for a mount") {
  if (!has_programs({"docker-registry", "openssl"})) return;
  TokenServer tokens;
  DockerRegistryFixture with({.tokens = &tokens});
  auto options = plain_http();
  check_error(Errc::unauthenticated, {"401", "none were given"}, [&] {
    RegistryClient stranger(options);
    push(stranger, with.store, with.name, with.at("team/base:1"));
  });
  options.credentials = std::make_shared<GivenCredentials>(
      std::map<std::string, Credential>{{with.registry.address(), {"user", "s3cret"}}});
  RegistryClient client(options);
  tokens.forget_requests();
  push(client, with.store, with.name, with.at("team/base:1"));
  CHECK(scopes(tokens) == std::vector<std::string>{"repository:team/base:pull,push"});

  tokens.forget_requests();
  const Descriptor layer = descriptor_of(with.image.layers[1]);
  const BlobOpener never = [](std::uint64_t) -> std::unique_ptr<Source> {
    FAIL("nothing need be sent");
    return nullptr;
  };
  CHECK(client.push_blob(with.at("team/app"), layer, never, {.mount_from = with.at("team/base")}) ==
        BlobUpload::mounted);
  CHECK(scopes(tokens) ==
        std::vector<std::string>{"repository:team/app:pull,push",
                                 "repository:team/app:pull,push repository:team/base:pull"});

  client.delete_manifest(with.at("team/base").with_digest(with.image.manifest.digest()));
  CHECK_FALSE(client.has_manifest(with.at("team/base:1"), with.image.manifest.digest()));
  CHECK(client.catalog(with.registry.address()).size() == 2);
}
