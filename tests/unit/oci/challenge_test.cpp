// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/challenge.hpp"

#include <doctest/doctest.h>

using namespace vmkit::oci;

TEST_CASE("challenge: one scheme with its parameters") {
  const auto all = parse_challenges(
      R"(Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push")");
  REQUIRE(all.size() == 1);
  CHECK(all[0].scheme == "bearer");
  CHECK(all[0].parameter("realm") == "https://auth.example/token");
  CHECK(all[0].parameter("service") == "r.example");
  CHECK(all[0].parameter("scope") == "repository:a/b:pull,push");
  CHECK(all[0].parameter("error").empty());
}

TEST_CASE("challenge: several in one header, quoting, blanks, tokens") {
  const auto all = parse_challenges(
      R"(Negotiate YIIabc==, BASIC Realm = "a \"b\", c=\\d" , charset=UTF-8,, NTLM,Bearer realm=x)");
  REQUIRE(all.size() == 4);
  CHECK(all[0].scheme == "negotiate");
  CHECK(all[0].parameters.empty());
  CHECK(all[1].scheme == "basic");
  CHECK(all[1].parameter("realm") == R"(a "b", c=\d)");
  CHECK(all[1].parameter("charset") == "UTF-8");
  CHECK(all[2].scheme == "ntlm");
  CHECK(all[3].parameter("realm") == "x");
}

TEST_CASE("challenge: what is malformed ends the list") {
  CHECK(parse_challenges("").empty());
  CHECK(parse_challenges(" , ,").empty());
  CHECK(parse_challenges("\"x\"").empty());
  CHECK(parse_challenges("= , Basic").empty());
  const auto cut = parse_challenges("Bearer service=\"s\", realm=\"no end");
  REQUIRE(cut.size() == 1);
  CHECK(cut[0].parameter("service") == "s");
  CHECK(cut[0].parameter("realm").empty());
  const auto escaped = parse_challenges("Bearer realm=\"x\\");
  REQUIRE(escaped.size() == 1);
  CHECK(escaped[0].parameters.empty());
  // The first of two equal names counts.
  CHECK(parse_challenges("Bearer realm=a, realm=b")[0].parameter("realm") == "a");
}
