// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "oci/auth/base64.hpp"
#include "support/errors.hpp"

#include <vmkit/oci/credentials.hpp>
#include <vmkit/oci/keychain_credentials.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

std::shared_ptr<CredentialProvider> given(const std::string& registry, const std::string& user) {
  return std::make_shared<GivenCredentials>(
      std::map<std::string, Credential>{{registry, {user, "p"}}});
}

}  // namespace

TEST_CASE("credentials: the first of a chain that answers") {
  ChainedCredentials chain({given("a", "1"), given("b", "2"), given("a", "3")});
  CHECK(chain.find({"a"}, {}) == Credential{"1", "p"});
  CHECK(chain.find({"b", "team/app"}, {}) == Credential{"2", "p"});
  CHECK_FALSE(chain.find({"c"}, {}));
  CHECK_FALSE(ChainedCredentials({}).find({"a"}, {}));
  check_error(Errc::invalid_argument, {"null pointer"}, [] { ChainedCredentials({nullptr}); });
}

TEST_CASE("credentials: an error of one ends the chain") {
  struct Broken : CredentialProvider {
    std::optional<Credential> find(const CredentialQuery&, const CallOptions&) override {
      throw Error(Errc::unavailable, "broken");
    }
  };
  ChainedCredentials chain({given("a", "1"), std::make_shared<Broken>(), given("b", "2")});
  CHECK(chain.find({"a"}, {}));
  check_error(Errc::unavailable, {"broken"}, [&] { chain.find({"b"}, {}); });
}

TEST_CASE("credentials: where there is no Keychain it says so") {
  if (KeychainCredentials::available()) return;
  check_error(Errc::unsupported, {"Keychain", "macOS"},
              [] { KeychainCredentials().find({"a"}, {}); });
}

TEST_CASE("base64: both ways, and nothing but that") {
  // The vectors of RFC 4648, section 10.
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    CHECK(base64_encode(plain) == coded);
    CHECK(base64_decode(coded) == plain);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(base64_decode(base64_encode(all)) == all);
  for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "=", "====", "Zg==Zg==", "Zm 9",
                          "Zm9\n", "Z===", "Zm-_", "Zg=a"}) {
    CAPTURE(bad);
    CHECK_FALSE(base64_decode(bad));
  }
}
