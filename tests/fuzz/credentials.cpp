// SPDX-License-Identifier: Apache-2.0
// A Docker config.json and a netrc file, which people and other tools write.
#include <filesystem>
#include <fstream>

#include "fuzz/target.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/docker_config_credentials.hpp>
#include <vmkit/oci/netrc_credentials.hpp>

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using namespace vmkit::oci;

const vmkit::fuzz::Target target("credentials", [](std::string_view input) {
  static const auto folder = vmkit::test::temporary_directory();
  const auto file = folder.path() / "file";
  std::ofstream(file, std::ios::binary) << input;
  CredentialHelperOptions helpers;
  helpers.path = "/nowhere";  // none may be found: a fuzzer must not run programs
  DockerConfigCredentials docker(file, helpers);
  NetrcCredentials netrc(file);
  for (const char* registry : {"docker.io", "example.com:5000"}) {
    const CredentialQuery query{registry, "a/b"};
    accepts({Errc::data_corruption, Errc::not_found}, [&] {
      const auto found = docker.find(query, {});
      require(!found || !found->password.empty() || !found->identity_token.empty(),
              "a credential has a secret");
    });
    accepts({Errc::data_corruption}, [&] { netrc.find(query, {}); });
  }
});

}  // namespace
