// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "support/errors.hpp"

#include <vmkit/container/port_mapping.hpp>

using namespace vmkit;
using agent::Endpoint;
using container::parse_port_mapping;

TEST_CASE("port mapping: what docker run -p takes, and paths of unix sockets") {
  const struct {
    const char* text;
    Endpoint host;
    Endpoint guest;
  } table[] = {
      {"80", Endpoint::tcp(0), Endpoint::tcp(80)},
      {"8080:80", Endpoint::tcp(8080), Endpoint::tcp(80)},
      {"8080:80/tcp", Endpoint::tcp(8080), Endpoint::tcp(80)},
      {"0:80", Endpoint::tcp(0), Endpoint::tcp(80)},
      {":80", Endpoint::tcp(0), Endpoint::tcp(80)},
      {"53/udp", Endpoint::udp(0), Endpoint::udp(53)},
      {"5353:53/udp", Endpoint::udp(5353), Endpoint::udp(53)},
      {"0.0.0.0:65535:1", Endpoint::tcp(65535, "0.0.0.0"), Endpoint::tcp(1)},
      {"127.0.0.2::80", Endpoint::tcp(0, "127.0.0.2"), Endpoint::tcp(80)},
      {"[::1]:8080:80", Endpoint::tcp(8080, "::1"), Endpoint::tcp(80)},
      {"[::]::53/udp", Endpoint::udp(0, "::"), Endpoint::udp(53)},
      {"/tmp/a:b.sock:/run/c.sock", Endpoint::unix_socket("/tmp/a:b.sock"),
       Endpoint::unix_socket("/run/c.sock")},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    const auto mapping = parse_port_mapping(row.text);
    CHECK(mapping.host == row.host);
    CHECK(mapping.guest == row.guest);
  }
}

TEST_CASE("port mapping: what is none is refused, and named") {
  for (const char* text : {"",
                           ":",
                           "0",
                           "8080:0",
                           "65536",
                           "80000:80",
                           "-1",
                           "+80",
                           " 80",
                           "80 ",
                           "http",
                           "0x50",
                           "80/",
                           "80/sctp",
                           "80/TCP",
                           "/udp",
                           "8000-8010",
                           "8000-8010:80-90",
                           "80:80:80:80",
                           "127.0.0.1:80",
                           "::1:8080:80",
                           "[::1]:80",
                           "[::1]8080:80",
                           "[]:8080:80",
                           "::80",
                           "/tmp/a.sock",
                           "/tmp/a.sock:80",
                           "8080:/run/a.sock",
                           "/tmp/a:",
                           ":/run/a.sock"}) {
    CAPTURE(text);
    test::check_error(Errc::invalid_argument, {"port \"" + std::string(text) + "\"", "8080:80"},
                      [&] { parse_port_mapping(text); });
  }
}
