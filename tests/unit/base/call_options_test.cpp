// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace std::chrono_literals;

namespace {
Errc code_of_check(const CallOptions& options) {
  try {
    options.check("work");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("work: "));
    return error.code();
  }
  return Errc{};
}
}  // namespace

TEST_CASE("call options: check tells cancelled from late") {
  CallOptions options;
  CHECK(code_of_check(options) == Errc{});
  options.deadline = std::chrono::steady_clock::now() - 1s;
  CHECK(code_of_check(options) == Errc::timeout);
  StopSource source;
  options.stop = source.token();
  source.request_stop();
  CHECK(code_of_check(options) == Errc::cancelled);
}

TEST_CASE("call options: remaining is bounded on both sides") {
  CallOptions options;
  CHECK(options.remaining(5s) == 5s);
  options.deadline = std::chrono::steady_clock::now() - 1s;
  CHECK(options.remaining(5s) == 0s);
  options.deadline = std::chrono::steady_clock::now() + 1h;
  CHECK(options.remaining(5s) == 5s);
}

TEST_CASE("call options: a time-out never moves an earlier deadline") {
  CallOptions options;
  const auto late = options.with_timeout(1h);
  REQUIRE(late.deadline);
  const auto early = late.with_timeout(1s);
  CHECK(*early.deadline < *late.deadline);
  CHECK(*early.with_timeout(2h).deadline == *early.deadline);
}
