// SPDX-License-Identifier: Apache-2.0
#include "agent/message.hpp"

#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <vector>

#include "agent/json.hpp"
#include "agent/protocol.hpp"

#include <vmkit/base/error.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;

Errc code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("no error");
  return Errc::internal;
}

TEST_CASE("messages are cut out of any portions") {
  std::string wire;
  append_message("first", wire);
  append_message(std::string(protocol::max_message_bytes, 'x'), wire);
  append_message("{}", wire);
  CHECK(wire.substr(0, 9) == std::string("\0\0\0\5first", 9));
  for (const std::size_t portion : {std::size_t{1}, std::size_t{777}, wire.size()}) {
    MessageDecoder decoder;
    std::vector<std::string> found;
    for (std::size_t at = 0; at < wire.size(); at += portion) {
      auto input = std::as_bytes(std::span(wire).subspan(at, std::min(portion, wire.size() - at)));
      while (auto message = decoder.next(input)) found.push_back(std::move(*message));
      CHECK(input.empty());
    }
    REQUIRE(found.size() == 3);
    CHECK(found[0] == "first");
    CHECK(found[1].size() == protocol::max_message_bytes);
    CHECK(found[2] == "{}");
  }
}

TEST_CASE("lengths of zero and above the limit are refused before any memory is taken") {
  for (const std::string& prefix : {std::string("\0\0\0\0", 4), std::string("\0\x10\0\1", 4),
                                    std::string("\xff\xff\xff\xff")}) {
    MessageDecoder decoder;
    auto input = std::as_bytes(std::span(prefix));
    CHECK(code_of([&] { decoder.next(input); }) == Errc::data_corruption);
  }
  std::string out;
  CHECK(code_of([&] { append_message(std::string(protocol::max_message_bytes + 1, 'x'), out); }) ==
        Errc::invalid_argument);
}

TEST_CASE("hostile JSON is refused") {
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string("\"text\""), std::string(),
        "{\"a\":" + std::string(500'000, '[') + std::string(500'000, ']') + "}",
        std::string(1'000'000, '{'), std::string("{\"a\":\"\xff\"}")}) {
    CAPTURE(text.substr(0, 20));
    CHECK(code_of([&] { parse_message(text); }) == Errc::data_corruption);
  }
  CHECK(parse_message("{\"a\":[[1]]}")["a"][0][0] == 1);
}

// The parser took minutes for these when it was watched for the depth.
TEST_CASE("a message of many objects takes linear time") {
  std::string text = "{\"a\":[{}";
  while (text.size() < protocol::max_message_bytes - 8) text += ",{}";
  text += "],\"b\":\"[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"}";
  const auto start = std::chrono::steady_clock::now();
  CHECK(parse_message(text)["a"].size() > 300'000);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("text that is no UTF-8 is refused or replaced, as asked") {
  const Json message{{"path", "a\xff"}};
  CHECK(code_of([&] { dump_message(message, BadUtf8::refuse); }) == Errc::invalid_argument);
  CHECK(dump_message(message, BadUtf8::replace) == "{\"path\":\"a\xef\xbf\xbd\"}");
}

}  // namespace
