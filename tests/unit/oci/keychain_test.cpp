// SPDX-License-Identifier: Apache-2.0
// The macOS source against a fake of the two frameworks that it uses.
#include <doctest/doctest.h>

#include "fake_security/fake_keychain.hpp"
#include "support/errors.hpp"

#include <vmkit/oci/keychain_credentials.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

std::optional<Credential> find(const std::string& registry) {
  return KeychainCredentials().find({registry, "team/app"}, {});
}

}  // namespace

TEST_CASE("keychain: by server and port") {
  FakeKeychain keychain;
  CHECK(KeychainCredentials::available());
  CHECK_FALSE(find("r.example"));
  keychain.items = {{"r.example", 5000, "five", "secret"},
                    {"other.example", 0, "other", "secret"},
                    {"r.example", 443, "user", "s\xc3\xa4"},
                    {"bare.example", 0, "bare", "secret", ""},
                    {"::1", 5000, "six", "secret"}};
  CHECK(find("r.example") == Credential{"user", "s\xc3\xa4"});
  CHECK(find("r.example:5000") == Credential{"five", "secret"});
  CHECK(find("bare.example") == Credential{"bare", "secret"});
  CHECK(find("[::1]:5000") == Credential{"six", "secret"});
  CHECK(keychain.password_reads == 4);
  CHECK_FALSE(find("r.example:5001"));
  CHECK_FALSE(find("[::1]"));
  CHECK_FALSE(find("example"));
  CHECK(keychain.password_reads == 4);
}

TEST_CASE("keychain: no password for another protocol, none that is empty") {
  FakeKeychain keychain;
  keychain.items = {{"r.example", 0, "mail", "secret", "imap"},
                    {"r.example", 0, "empty", ""},
                    {"r.example", 0, "user", "secret"}};
  CHECK(find("r.example") == Credential{"user", "secret"});
}

TEST_CASE("keychain: Docker Hub by its names; an identity token") {
  FakeKeychain keychain;
  keychain.items = {{"docker.io", 0, "second", "secret"}};
  CHECK(find("docker.io")->username == "second");
  keychain.items.push_back({"index.docker.io", 0, "<token>", "secret", "https", "/v1/"});
  CHECK(find("docker.io") == Credential{.identity_token = "secret"});
}

TEST_CASE("keychain: what the system refuses") {
  FakeKeychain keychain;
  keychain.items = {{"r.example", 0, "user", "secret"}};
  const auto check = [](Errc code, const char* number) {
    check_error(code, {"the Keychain", "r.example", "fake error", number},
                [] { find("r.example"); });
  };
  keychain.data_status = -128;
  check(Errc::permission_denied, "OSStatus -128");
  keychain.data_status = -25293;
  check(Errc::permission_denied, "OSStatus -25293");
  keychain.data_status = -25300;
  CHECK_FALSE(find("r.example"));  // removed between the two searches
  keychain.attributes_status = -25308;
  check(Errc::unavailable, "OSStatus -25308");
  StopSource stopped;
  stopped.request_stop();
  check_error(Errc::cancelled, {"Keychain"},
              [&] { KeychainCredentials().find({"r.example"}, {.stop = stopped.token()}); });
}
