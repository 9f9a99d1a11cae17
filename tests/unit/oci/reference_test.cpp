// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vmkit/base/error.hpp>
#include <vmkit/oci/reference.hpp>

using namespace vmkit;
using namespace vmkit::oci;

namespace {

const std::string hex64(64, 'a');
const std::string sha256 = "sha256:" + hex64;
const std::string sha512 = "sha512:" + std::string(128, 'b');

struct Good {
  std::string text;
  std::string full;  ///< What to_string() gives.
  std::string familiar;
};

const Good good[] = {
    // Docker Hub's rules.
    {"alpine", "docker.io/library/alpine:latest", "alpine"},
    {"alpine:3.22", "docker.io/library/alpine:3.22", "alpine:3.22"},
    {"library/alpine", "docker.io/library/alpine:latest", "alpine"},
    {"docker.io/alpine", "docker.io/library/alpine:latest", "alpine"},
    {"docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine"},
    {"index.docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine"},
    {"index.docker.io/alpine:1", "docker.io/library/alpine:1", "alpine:1"},
    {"grafana/grafana", "docker.io/grafana/grafana:latest", "grafana/grafana"},
    {"docker.io/a/b/c:d", "docker.io/a/b/c:d", "a/b/c:d"},
    {"library/a/b", "docker.io/library/a/b:latest", "library/a/b"},
    {"latest", "docker.io/library/latest:latest", "latest"},
    {"alpine@" + sha256, "docker.io/library/alpine@" + sha256, "alpine@" + sha256},
    {"alpine:latest@" + sha256, "docker.io/library/alpine:latest@" + sha256,
     "alpine:latest@" + sha256},
    {"alpine:3@" + sha512, "docker.io/library/alpine:3@" + sha512, "alpine:3@" + sha512},
    // Short, these would be something else.
    {"docker.io/foo.bar/x", "docker.io/foo.bar/x:latest", "docker.io/foo.bar/x"},
    {"docker.io/localhost/x:1", "docker.io/localhost/x:1", "docker.io/localhost/x:1"},
    {"library/" + hex64, "docker.io/library/" + hex64 + ":latest", "docker.io/library/" + hex64},
    // What is a registry and what is not.
    {"localhost/x", "localhost/x:latest", "localhost/x"},
    {"localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x"},
    {"localhost", "docker.io/library/localhost:latest", "localhost"},
    {"localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"},
    {"localhosts/x", "docker.io/localhosts/x:latest", "localhosts/x"},
    {"ghcr.io/a/b:c", "ghcr.io/a/b:c", "ghcr.io/a/b:c"},
    {"ghcr.io/alpine", "ghcr.io/alpine:latest", "ghcr.io/alpine"},
    {"ghcr.io:443/a", "ghcr.io:443/a:latest", "ghcr.io:443/a"},
    {"xn--7o8h.com/myimage", "xn--7o8h.com/myimage:latest", "xn--7o8h.com/myimage"},
    {"a-b.example/x", "a-b.example/x:latest", "a-b.example/x"},
    {"REGISTRY.example/x", "REGISTRY.example/x:latest", "REGISTRY.example/x"},
    {"Registry/x", "Registry/x:latest", "Registry/x"},
    {"127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1"},
    {"[::1]/x", "[::1]/x:latest", "[::1]/x"},
    {"[::1]:5000/x/y:1", "[::1]:5000/x/y:1", "[::1]:5000/x/y:1"},
    {"[2001:DB8::1]:65535/x@" + sha256, "[2001:DB8::1]:65535/x@" + sha256,
     "[2001:DB8::1]:65535/x@" + sha256},
    // Repositories and their separators.
    {"r.io/a.b/c_d/e__f/g-h/i--j/k---l", "r.io/a.b/c_d/e__f/g-h/i--j/k---l:latest",
     "r.io/a.b/c_d/e__f/g-h/i--j/k---l"},
    {"r.io/0/1", "r.io/0/1:latest", "r.io/0/1"},
    {"r.io/" + hex64, "r.io/" + hex64 + ":latest", "r.io/" + hex64},
    {"r.io/" + std::string(250, 'x'), "r.io/" + std::string(250, 'x') + ":latest",
     "r.io/" + std::string(250, 'x')},
    // Tags.
    {"r.io/a:_x", "r.io/a:_x", "r.io/a:_x"},
    {"r.io/a:V1.0-RC_2", "r.io/a:V1.0-RC_2", "r.io/a:V1.0-RC_2"},
    {"r.io/a:" + std::string(128, 't'), "r.io/a:" + std::string(128, 't'),
     "r.io/a:" + std::string(128, 't')},
    {"r.io/a:latest", "r.io/a:latest", "r.io/a"},
};

struct Bad {
  std::string text;
  const char* problem;
};

const Bad bad[] = {
    {"", "empty"},
    {"/", "lower-case letters and digits"},
    {"a/", "lower-case letters and digits"},
    {"/a", "lower-case letters and digits"},
    {"a//b", "lower-case letters and digits"},
    {"Alpine", "lower case"},
    {"r.io/Alpine", "lower case"},
    {"r.io/a/B:x", "lower case"},
    {"r.io/", "lower-case letters and digits"},
    {"r.io/-a", "lower-case letters and digits"},
    {"r.io/a-", "lower-case letters and digits"},
    {"r.io/.a", "lower-case letters and digits"},
    {"r.io/a..b", "lower-case letters and digits"},
    {"r.io/a___b", "lower-case letters and digits"},
    {"r.io/a._b", "lower-case letters and digits"},
    {"r.io/a b", "lower-case letters and digits"},
    {"r.io/..", "lower-case letters and digits"},
    {"r.io/../a", "lower-case letters and digits"},
    {"r.io/a%2fb", "lower-case letters and digits"},
    {"r.io/a\n", "lower-case letters and digits"},
    {std::string("r.io/a\0b", 8), "lower-case letters and digits"},
    {"r.io/\xc3\xa4", "lower-case letters and digits"},
    {"https://r.io/a", "port is not a number"},
    {"user@r.io/a", "digest"},
    {"r.io/a:", "tag"},
    {"r.io/a:.x", "tag"},
    {"r.io/a:-x", "tag"},
    {"r.io/a:x y", "tag"},
    {"r.io/a:b:c", "lower-case letters and digits"},
    {"r.io/a:" + std::string(129, 't'), "tag"},
    {"r.io/a@", "digest"},
    {"r.io/a@sha256:", "digest"},
    {"r.io/a@sha256:" + std::string(63, 'a'), "digest"},
    {"r.io/a@sha256:" + std::string(64, 'A'), "digest"},
    {"r.io/a@md5:" + std::string(32, 'a'), "digest"},
    {"r.io/a@" + sha256 + "@" + sha256, "digest"},
    {"r.io/a@" + sha256 + ":tag", "digest"},
    {"@" + sha256, "lower-case letters and digits"},
    {":tag", "lower-case letters and digits"},
    {hex64, "64 hex digits"},
    {hex64 + ":tag", "64 hex digits"},
    {"-r.io/a", "host name"},
    {"r-.io/a", "host name"},
    {"r..io/a", "host name"},
    {".r.io/a", "host name"},
    {"r_x.io/a", "host name"},
    {"r.io:/a", "port"},
    {"r.io:0/a", "port"},
    {"r.io:65536/a", "port"},
    {"r.io:80x/a", "port"},
    {"[::1/a", "no \"]\""},
    {"[]:5000/a", "IPv6"},
    {"[127.0.0.1]:5000/a", "IPv6"},
    {"[fe80::1%eth0]:5000/a", "IPv6"},
    {"[::1]5000/a", "port after"},
    {"[::1]:/a", "port"},
    {"r.io/" + std::string(251, 'x'), "255"},
    {std::string(300, 'x'), "255"},
};

}  // namespace

TEST_CASE("reference: good ones, complete and short, and back") {
  for (const Good& one : good) {
    CAPTURE(one.text);
    const Reference reference = Reference::parse(one.text);
    CHECK(reference.to_string() == one.full);
    CHECK(reference.familiar() == one.familiar);
    CHECK(Reference::parse(reference.to_string()) == reference);
    CHECK(Reference::parse(reference.to_string(), {"other.example", "", ""}) == reference);
    CHECK(Reference::parse(reference.familiar()) == reference);
  }
}

TEST_CASE("reference: bad ones, with the reason") {
  for (const Bad& one : bad) {
    CAPTURE(one.text);
    CHECK_FALSE(Reference::try_parse(one.text));
    try {
      const Reference reference = Reference::parse(one.text);
      FAIL("accepted as " << reference.to_string());
    } catch (const Error& error) {
      CHECK(error.code() == Errc::invalid_argument);
      CHECK_MESSAGE(std::string(error.what()).find(one.problem) != std::string::npos, error.what());
    }
  }
}

TEST_CASE("reference: its parts") {
  const auto reference = Reference::parse("[::1]:5000/team/app:v1@" + sha256);
  CHECK(reference.registry() == "[::1]:5000");
  CHECK(reference.registry_host() == "[::1]:5000");
  CHECK(reference.repository() == "team/app");
  CHECK(reference.tag() == "v1");
  CHECK(reference.digest() == Digest::parse(sha256));
  CHECK(reference.manifest_name() == sha256);
  CHECK(Reference::parse("alpine:3").manifest_name() == "3");
  CHECK(Reference::parse("alpine").registry_host() == "registry-1.docker.io");
}

TEST_CASE("reference: short names by the caller's rules") {
  const ReferenceDefaults own{"r.example:5000", "", "stable"};
  CHECK(Reference::parse("app", own).to_string() == "r.example:5000/app:stable");
  CHECK(Reference::parse("docker.io/app:1", own).to_string() == "docker.io/app:1");
  CHECK_FALSE(Reference::try_parse("app", {"", "", ""}));
  CHECK_FALSE(Reference::parse("r.io/app", {"", "", ""}).tag());
  CHECK_FALSE(Reference::try_parse("app", {"not a host", "", ""}));
  CHECK_FALSE(
      Reference::try_parse("app", {"registry", "", ""}));  // "registry/app" is no registry's
  CHECK_FALSE(Reference::try_parse("app", {"r.io", "", "not a tag"}));
  CHECK_FALSE(Reference::try_parse("app", {"docker.io", "Not/ok", "x"}));
}

TEST_CASE("reference: another tag, another digest") {
  const auto reference = Reference::parse("r.io/app:1");
  CHECK(reference.with_tag("2").to_string() == "r.io/app:2");
  CHECK(reference.with_digest(Digest::parse(sha256)).to_string() == "r.io/app:1@" + sha256);
  CHECK_THROWS_AS(reference.with_tag("a/b"), Error);
}
