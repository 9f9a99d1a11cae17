// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/qmp.hpp"

#include <doctest/doctest.h>

#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::vm::qemu;

namespace {

std::string failure_of(std::string_view line) {
  QmpParser parser;
  parser.add(line);
  parser.add("\n");
  try {
    parser.next();
  } catch (const Error& error) {
    CHECK(error.code() == Errc::data_corruption);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("qmp: greeting, replies and events, however they are cut") {
  const std::string text =
      "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
      "{\"return\": {}, \"id\": 1}\r\n"
      "{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": \"no such device\"}}\r\n"
      "\r\n"
      "{\"timestamp\": {}, \"event\": \"SHUTDOWN\", "
      "\"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, text.size()}) {
    CAPTURE(piece);
    QmpParser parser;
    std::vector<QmpMessage> messages;
    for (std::size_t i = 0; i < text.size(); i += piece) {
      parser.add(std::string_view(text).substr(i, piece));
      while (auto message = parser.next()) messages.push_back(*message);
    }
    REQUIRE(messages.size() == 4);
    CHECK(std::holds_alternative<QmpGreeting>(messages[0]));
    const auto& done = std::get<QmpReply>(messages[1]);
    CHECK(done.id == 1);
    CHECK_FALSE(done.error);
    const auto& refused = std::get<QmpReply>(messages[2]);
    CHECK(refused.id == 2);
    CHECK(refused.error == "no such device");
    const auto& event = std::get<QmpEvent>(messages[3]);
    CHECK(event.name == "SHUTDOWN");
    CHECK(event.text("reason") == "guest-reset");
    CHECK(event.flag("guest"));
    CHECK_FALSE(event.text("guest"));
    CHECK_FALSE(event.flag("reason"));
    CHECK_FALSE(event.text("missing"));
  }
}

TEST_CASE("qmp: garbage is an error that shows a little of it, printable") {
  CHECK(failure_of("HTTP/1.1 200 OK").find("found 'HTTP/1.1 200 OK'") != std::string::npos);
  CHECK(failure_of("\x1b[2J\xff\x01")
            .find("found '?[2J?"
                  "?'") != std::string::npos);
  CHECK(failure_of(std::string(1000, 'x')).size() < 250);
  for (const char* line :
       {"[]", "1", "null", "\"QMP\"", "{", "{}", "{\"event\": 7}", "{\"return\": {}}",
        "{\"return\": {}, \"id\": -1}", "{\"return\": {}, \"id\": \"1\"}",
        "{\"return\": {}, \"id\": 1.5}", "{\"error\": {}}", "{\"a\": 1, \"id\": 3}"}) {
    CAPTURE(line);
    CHECK(failure_of(line) != "");
  }
}

TEST_CASE("qmp: odd but possible messages do no harm") {
  QmpParser parser;
  parser.add("{\"error\": 5, \"id\": 1}\n{\"event\": \"X\", \"data\": [1]}\n{\"event\": \"Y\"}\n");
  CHECK(std::get<QmpReply>(*parser.next()).error == "an error without a description");
  CHECK_FALSE(std::get<QmpEvent>(*parser.next()).flag("open"));
  CHECK(std::get<QmpEvent>(*parser.next()).name == "Y");
  CHECK_FALSE(parser.next());
}

TEST_CASE("qmp: a line has a limit, with or without its end") {
  QmpParser endless;
  endless.add(std::string(QmpParser::longest_line, ' '));
  CHECK_FALSE(endless.next());
  endless.add(" ");
  CHECK_THROWS_AS(endless.next(), Error);
  QmpParser deep;
  deep.add("{\"event\": \"X\", \"data\": " + std::string(200'000, '[') + "\n");
  CHECK_THROWS_AS(deep.next(), Error);
}

TEST_CASE("qmp: commands are one line") {
  CHECK(to_line({"system_powerdown"}, 7) == "{\"execute\":\"system_powerdown\",\"id\":7}\n");
  CHECK(to_line({"balloon", {{"value", 5}}}, 8) ==
        "{\"arguments\":{\"value\":5},\"execute\":\"balloon\",\"id\":8}\n");
}

TEST_CASE("qmp: JSON nested so deeply that copying it would overflow the stack") {
  const std::string brackets = std::string(100'000, '[') + std::string(100'000, ']');
  for (const char* member : {"data", "id", "other"}) {
    CAPTURE(member);
    const std::string line =
        R"({"event":"x",")" + std::string(member) + R"(":{"a":)" + brackets + "}}";
    CHECK(failure_of(line).find("nested at most 32 deep") != std::string::npos);
  }
}
