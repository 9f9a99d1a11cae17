// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vmkit/base/digest.hpp>
#include <vmkit/base/error.hpp>

using namespace vmkit;

// The vectors of FIPS 180-4 for "abc".
static const std::string sha256_abc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const std::string sha512_abc =
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST_CASE("digest: parse and print") {
  CHECK(Digest::parse(sha256_abc).to_string() == sha256_abc);
  CHECK(Digest::parse(sha512_abc).algorithm() == DigestAlgorithm::sha512);
  CHECK(Digest::parse(sha256_abc).hex() == sha256_abc.substr(7));
}

TEST_CASE("digest: malformed texts are refused") {
  std::string upper = sha256_abc;
  upper[10] = 'A';
  for (const std::string& bad :
       {std::string(), std::string("sha256"), std::string("sha256:"), std::string("sha256:../../x"),
        sha256_abc + "0", sha256_abc.substr(0, 70), "md5:" + sha256_abc.substr(7), upper,
        "sha512:" + sha256_abc.substr(7), " " + sha256_abc}) {
    CAPTURE(bad);
    CHECK_FALSE(Digest::try_parse(bad));
    CHECK_THROWS_AS(Digest::parse(bad), Error);
  }
}

TEST_CASE("digest: hashing matches the standard's vectors, whole and in pieces") {
  CHECK(digest_of("abc").to_string() == sha256_abc);
  CHECK(digest_of("abc", DigestAlgorithm::sha512).to_string() == sha512_abc);
  Hasher hasher;
  hasher.update("a");
  hasher.update("");
  hasher.update("bc");
  CHECK(hasher.finish().to_string() == sha256_abc);
  hasher.update("abc");
  CHECK(hasher.finish().to_string() == sha256_abc);
}
