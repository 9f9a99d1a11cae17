// SPDX-License-Identifier: Apache-2.0
#include "agent/preamble.hpp"

#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "agent/preamble_exchange.hpp"
#include "agent/protocol.hpp"
#include "unit/agent/fd_stream.hpp"

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace std::chrono_literals;

Preamble sample(Preamble::Kind kind) {
  Preamble preamble{kind, 1, {}};
  for (std::size_t i = 0; i < 16; ++i) preamble.nonce[i] = static_cast<std::byte>(i + 200);
  return preamble;
}

TEST_CASE("a preamble is found in garbage, whatever the portions") {
  std::mt19937 random(7);
  const auto preamble = sample(Preamble::Kind::hello).encode();
  for (int round = 0; round < 300; ++round) {
    std::vector<std::byte> input(random() % 500);
    // Garbage that is often the beginning of a preamble.
    for (auto& byte : input) byte = static_cast<std::byte>("vmkitctlx"[random() % 9]);
    if (!input.empty()) input.back() = std::byte{0};
    const std::size_t end = input.size() + preamble.size();
    input.insert(input.end(), preamble.begin(), preamble.end());
    input.push_back(std::byte{42});
    PreambleScanner scanner(Preamble::Kind::hello);
    std::size_t at = 0;
    std::optional<Preamble> found;
    while (!found && at < input.size()) {
      const std::size_t portion = std::min<std::size_t>(random() % 40 + 1, input.size() - at);
      std::span<const std::byte> part = std::span(input).subspan(at, portion);
      found = scanner.scan(part);
      at += portion - part.size();
    }
    REQUIRE(found);
    CHECK(found->nonce == sample(Preamble::Kind::hello).nonce);
    CHECK(found->version == 1);
    CHECK(at == end);
  }
}

TEST_CASE("a preamble that begins within the beginning of another is found") {
  const auto preamble = sample(Preamble::Kind::answer).encode();
  std::vector<std::byte> input(preamble.begin(), preamble.begin() + 12);
  input.push_back(std::byte{1});  // of the other kind
  input.insert(input.end(), preamble.begin(), preamble.end());
  PreambleScanner scanner(Preamble::Kind::answer);
  std::span<const std::byte> rest = input;
  CHECK(scanner.scan(rest));
  CHECK(rest.empty());
}

struct Pair {
  Pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    host = std::make_unique<test::FdStream>(fds[0]);
    guest = std::make_unique<test::FdStream>(fds[1]);
  }
  std::unique_ptr<Stream> host;
  std::unique_ptr<Stream> guest;
};

Preamble read_hello(Stream& stream) {
  std::vector<std::byte> bytes(Preamble::size);
  REQUIRE(read_full(stream, bytes) == bytes.size());
  std::span<const std::byte> rest = bytes;
  const auto hello = PreambleScanner(Preamble::Kind::hello).scan(rest);
  REQUIRE(hello);
  return *hello;
}

TEST_CASE("the exchange skips stale bytes and answers to others, and keeps what follows") {
  Pair pair;
  std::thread agent([&] {
    const Preamble hello = read_hello(*pair.guest);
    std::vector<std::byte> reply(5000, std::byte{'v'});
    const auto stale = sample(Preamble::Kind::answer).encode();
    reply.insert(reply.end(), stale.begin(), stale.end());
    const auto answer = Preamble{Preamble::Kind::answer, protocol::version, hello.nonce}.encode();
    reply.insert(reply.end(), answer.begin(), answer.end());
    reply.push_back(std::byte{9});
    pair.guest->write(reply);
  });
  const auto rest = exchange_preambles(*pair.host, CallOptions{}.with_timeout(10s));
  agent.join();
  CHECK(rest == std::vector<std::byte>{std::byte{9}});
}

TEST_CASE("another version is an error that says which") {
  Pair pair;
  std::thread agent([&] {
    const Preamble hello = read_hello(*pair.guest);
    pair.guest->write(Preamble{Preamble::Kind::answer, 77, hello.nonce}.encode());
  });
  try {
    exchange_preambles(*pair.host, CallOptions{}.with_timeout(10s));
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::unsupported);
    CHECK(std::string(error.what()).find("version 77, expected 2") != std::string::npos);
  }
  agent.join();
}

TEST_CASE("silence, a stop and a lost connection end the exchange") {
  {
    Pair pair;
    try {
      exchange_preambles(*pair.host, CallOptions{}.with_timeout(30ms));
      FAIL("returned");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::timeout);
      CHECK(std::string(error.what()).find("waiting for the guest agent") != std::string::npos);
    }
  }
  {
    Pair pair;
    StopSource source;
    std::thread stopper([&] {
      std::this_thread::sleep_for(30ms);
      source.request_stop();
    });
    CallOptions options;
    options.stop = source.token();
    try {
      exchange_preambles(*pair.host, options);
      FAIL("returned");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::cancelled);
    }
    stopper.join();
  }
  {
    Pair pair;
    pair.guest.reset();
    try {
      exchange_preambles(*pair.host, CallOptions{}.with_timeout(10s));
      FAIL("returned");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::unavailable);
    }
  }
}

}  // namespace
