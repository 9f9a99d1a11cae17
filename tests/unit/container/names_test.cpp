// SPDX-License-Identifier: Apache-2.0
#include "container/names.hpp"

#include <doctest/doctest.h>

#include "support/errors.hpp"

using namespace vmkit;
using namespace vmkit::container;
using test::check_error;

namespace {

const agent::ConfiguredInterface network{
    .mac = "52:54:00:12:34:56", .address = "10.0.2.15", .gateway = "10.0.2.2", .dns = {"10.0.2.3"}};
const std::string own_id = "00112233445566778899aabbccddeeff";

}  // namespace

TEST_CASE("names: the files of a container with a network") {
  const Names names{
      .domain = "example.org",
      .extra_hosts = {{"db", "192.0.2.7"}, {"host", "host-gateway"}, {"six", "fd00::1"}},
      .dns_options = {"ndots:2", "rotate"}};
  const auto files = name_files("web", names, own_id, network);
  REQUIRE(files.size() == 4);
  CHECK(files[0].target == "/etc/hosts");
  CHECK(files[0].source ==
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
        "ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
        "10.0.2.15\tweb.example.org web\n192.0.2.7\tdb\n10.0.2.2\thost\nfd00::1\tsix\n");
  CHECK(files[1].target == "/etc/hostname");
  CHECK(files[1].source == "web\n");
  CHECK(files[2].target == "/etc/machine-id");
  CHECK(files[2].source == "00112233445566778899aabbccddeeff\n");
  CHECK(files[3].target == "/etc/resolv.conf");
  CHECK(files[3].source == "nameserver 10.0.2.3\nsearch example.org\noptions ndots:2 rotate\n");
  const auto own =
      name_files("web", {.dns = {"9.9.9.9"}, .dns_search = {"a.b", "c"}}, own_id, network);
  CHECK(own[3].source == "nameserver 9.9.9.9\nsearch a.b c\n");
  auto told = network;
  told.search = {"lan", "example.net"};
  CHECK(name_files("web", {}, own_id, told)[3].source ==
        "nameserver 10.0.2.3\nsearch lan example.net\n");
  told.gateway.clear();
  check_error(Errc::invalid_argument, {"a network with a gateway", "\"a\""}, [&] {
    name_files("h", {.extra_hosts = {{"a", "host-gateway"}}}, own_id, told);
  });
}

TEST_CASE("names: without a network") {
  const auto files = name_files("box", {.machine_id = "image"}, own_id, std::nullopt);
  REQUIRE(files.size() == 2);
  CHECK(files[0].source.find("127.0.1.1\tbox\n") != std::string::npos);
}

TEST_CASE("names: what would be another line of a file is refused") {
  const auto refused = [](const Names& names, const char* words) {
    check_error(Errc::invalid_argument, {words}, [&] { name_files("h", names, own_id, network); });
  };
  refused({.extra_hosts = {{"a\n10.0.0.1 b", "10.0.0.1"}}}, "names.extra_hosts");
  refused({.extra_hosts = {{"a", "nowhere"}}}, "an IP address, found \"nowhere\"");
  refused({.dns = {"dns.example.org"}}, "names.dns");
  refused({.dns_search = {"a b"}}, "names.dns_search");
  refused({.domain = "x\ty"}, "names.domain");
  refused({.machine_id = own_id + "0"}, "names.machine_id");
  refused({.machine_id = "00112233445566778899AABBCCDDEEFF"}, "names.machine_id");
  check_error(Errc::invalid_argument, {"a network for host-gateway"}, [] {
    name_files("h", {.extra_hosts = {{"a", "host-gateway"}}}, own_id, std::nullopt);
  });
}

TEST_CASE("names: a time zone's rule") {
  CHECK(rule_in_zone_file("TZif2...\n\nTZif2....\nCET-1CEST,M3.5.0,M10.5.0/3\n") ==
        "CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK_FALSE(rule_in_zone_file("TZif2...\n\n"));
  CHECK_FALSE(rule_in_zone_file("CET-1\n"));
  CHECK_FALSE(rule_in_zone_file("TZif2\nA\x1b[2J\n"));
  for (const char* name : {"", "/etc/shadow", "../../etc/shadow", "a\nb"}) {
    check_error(Errc::invalid_argument, {"names.timezone"}, [&] { timezone_rule(name); });
  }
  check_error(Errc::not_found, {"Nowhere/Nothing"}, [] { timezone_rule("Nowhere/Nothing"); });
}
