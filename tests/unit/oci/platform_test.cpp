// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include "support/errors.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/platform.hpp>

using namespace vmkit;
using namespace vmkit::oci;

TEST_CASE("platform: parsed and in one spelling") {
  const std::pair<const char*, const char*> table[] = {
      {"linux/amd64", "linux/amd64"},       {"linux/x86_64", "linux/amd64"},
      {"Linux/X86-64", "linux/amd64"},      {"linux/amd64/v1", "linux/amd64"},
      {"linux/amd64/v3", "linux/amd64/v3"}, {"linux/arm64", "linux/arm64"},
      {"linux/arm64/v8", "linux/arm64"},    {"linux/arm64/8", "linux/arm64"},
      {"linux/aarch64", "linux/arm64"},     {"linux/arm64/v9", "linux/arm64/v9"},
      {"linux/arm", "linux/arm/v7"},        {"linux/arm/6", "linux/arm/v6"},
      {"linux/armhf", "linux/arm/v7"},      {"linux/armel", "linux/arm/v6"},
      {"linux/i386", "linux/386"},          {"linux/riscv64", "linux/riscv64"},
  };
  for (const auto& row : table) {
    const char* const text = row.first;
    const char* const expected = row.second;
    CAPTURE(text);
    CHECK(Platform::parse(text).to_string() == expected);
    CHECK(Platform::parse(expected) == Platform::parse(text));
  }
  for (const char* text : {"", "linux", "linux/", "/amd64", "linux//v8", "linux/arm/v7/x",
                           "linux/arm/", "li nux/arm", "linux/am\nd64"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(Platform::parse(text), Error);
  }
  test::check_error(Errc::invalid_argument, {"platform \"a?[2J\": expected OS/ARCHITECTURE"},
                    [] { Platform::parse("a\x1b[2J"); });
}

TEST_CASE("platform: the host's is a Linux one without an amd64 variant") {
  const Platform host = Platform::host();
  CHECK(host.os == "linux");
  CHECK_FALSE(host.architecture.empty());
  if (host.architecture == "amd64") CHECK(host.variant.empty());
}

TEST_CASE("platform: what runs on what") {
  const auto runs = [](const char* wanted, const char* offered) {
    return match_distance(Platform::parse(wanted), Platform::parse(offered)).has_value();
  };
  CHECK(runs("linux/arm64", "linux/arm64/v8"));
  CHECK(runs("linux/arm64/v9", "linux/arm64"));
  CHECK_FALSE(runs("linux/arm64", "linux/arm64/v9"));
  CHECK(runs("linux/arm/v8", "linux/arm/v7"));
  CHECK(runs("linux/arm/v7", "linux/arm/v5"));
  CHECK_FALSE(runs("linux/arm/v6", "linux/arm/v7"));
  CHECK(runs("linux/amd64/v4", "linux/amd64"));
  CHECK(runs("linux/amd64/v3", "linux/amd64/v2"));
  CHECK_FALSE(runs("linux/amd64", "linux/amd64/v2"));
  CHECK_FALSE(runs("linux/arm64", "linux/arm/v7"));
  CHECK_FALSE(runs("linux/amd64", "windows/amd64"));
  CHECK_FALSE(runs("linux/amd64", "linux/386"));
  CHECK(runs("linux/ppc64le", "linux/ppc64le"));
  CHECK_FALSE(runs("linux/ppc64le", "linux/ppc64le/power10"));
  CHECK(runs("linux/mips64/softfloat", "linux/mips64/softfloat"));
}

TEST_CASE("platform: the best of several, the first among equals") {
  std::vector<std::optional<Platform>> offered;
  for (const char* text : {"linux/amd64", "linux/amd64/v2", "linux/amd64/v4", "linux/arm/v5",
                           "linux/arm/v7", "linux/arm64", "linux/arm64/v8"}) {
    offered.push_back(Platform::parse(text));
  }
  offered.push_back(std::nullopt);
  const auto best = [&](const char* wanted) {
    return best_match(Platform::parse(wanted), offered);
  };
  CHECK(best("linux/amd64") == 0);
  CHECK(best("linux/amd64/v3") == 1);
  CHECK(best("linux/amd64/v4") == 2);
  CHECK(best("linux/arm/v6") == 3);
  CHECK(best("linux/arm/v8") == 4);
  CHECK(best("linux/arm64") == 5);
  CHECK_FALSE(best("linux/s390x"));
  CHECK_FALSE(best_match(Platform::parse("linux/amd64"), {}));
}
