// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "output/json.hpp"
#include "output/table.hpp"
#include "output/time.hpp"

using namespace std::chrono_literals;

TEST_CASE("output: tables are aligned by characters, and nothing in them draws") {
  cli::Table table({"NAME", "N", "LAST"});
  table.add({"a", "12345", "x"});
  table.add({"zoë", "1", "\x1b[2J"});
  CHECK(table.text() ==
        "NAME   N       LAST\n"
        "a      12345   x\n"
        "zoë    1       ?[2J\n");
}

TEST_CASE("output: times are RFC 3339, to the nanosecond and back") {
  const cli::Time time = cli::Time(1795401655s) + 120ms;
  CHECK(cli::to_text(time) == "2026-11-23T02:40:55.120000000Z");
  CHECK(cli::parse_time(cli::to_text(time)) == time);
  CHECK(cli::parse_time("2026-11-23T02:40:55Z") == time - 120ms);
  CHECK(cli::parse_time("1969-12-31T23:59:59.5Z") == cli::Time(-500ms));
  CHECK(cli::to_text(cli::Time(-500ms)) == "1969-12-31T23:59:59.500000000Z");
  for (const char* text : {"", "now", "2026-11-23", "2026-11-23T02:40:55", "2026-11-23T02:40:55.Zx",
                           "2026-11-23T02:40:55+01:00"}) {
    CAPTURE(text);
    CHECK_FALSE(cli::parse_time(text));
  }
}

TEST_CASE("output: durations as people say them") {
  CHECK(cli::duration_text(500ms) == "Less than a second");
  CHECK(cli::duration_text(1s) == "1 second");
  CHECK(cli::duration_text(59s) == "59 seconds");
  CHECK(cli::duration_text(60s) == "About a minute");
  CHECK(cli::duration_text(59min) == "59 minutes");
  CHECK(cli::duration_text(60min) == "About an hour");
  CHECK(cli::duration_text(47h) == "47 hours");
  CHECK(cli::duration_text(48h) == "2 days");
  CHECK(cli::duration_text(24h * 14) == "2 weeks");
  CHECK(cli::duration_text(24h * 60) == "2 months");
  CHECK(cli::duration_text(24h * 730) == "2 years");
}

TEST_CASE("output: JSON of names that are no UTF-8 is JSON") {
  CHECK(cli::to_text(nlohmann::json{{"name", "\xff"}}) == "{\"name\":\"\xef\xbf\xbd\"}");
}
