// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "agent/yamux/engine.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace {

using namespace vmkit::agent::yamux;
using vmkit::Errc;
using vmkit::Error;

struct Raw {
  int version;
  int type;
  int flags;
  StreamId stream;
  std::uint32_t length;
};

std::vector<std::byte> encode(const Raw& raw, std::size_t payload = 0) {
  std::vector<std::byte> bytes(header_size + payload);
  bytes[0] = static_cast<std::byte>(raw.version);
  bytes[1] = static_cast<std::byte>(raw.type);
  vmkit::store_be<std::uint16_t>(&bytes[2], static_cast<std::uint16_t>(raw.flags));
  vmkit::store_be<std::uint32_t>(&bytes[4], raw.stream);
  vmkit::store_be<std::uint32_t>(&bytes[8], raw.length);
  return bytes;
}

// A server with the peer's streams 1 (open) and 3 (ended by the peer) and its own stream 2.
Engine make_server() {
  Engine server(Role::server, {});
  server.receive(encode({0, 1, flag_syn, 1, 0}));
  server.receive(encode({0, 1, flag_syn | flag_fin, 3, 0}));
  CHECK(server.accept() == 1);
  CHECK(server.accept() == 3);
  CHECK(server.open() == 2);
  OutputBuffer ignored;
  server.take_output(ignored);
  return server;
}

TEST_CASE("illegal frames end the session with a go-away") {
  const struct {
    const char* words;
    Raw frame;
  } cases[] = {
      {"version 0, found 1", {1, 0, 0, 1, 0}},
      {"unknown frame type 4", {0, 4, 0, 1, 0}},
      {"unknown flags 16", {0, 0, 16, 1, 0}},
      {"frame type 0 on stream 0", {0, 0, 0, 0, 0}},
      {"frame type 1 on stream 0", {0, 1, flag_syn, 0, 0}},
      {"frame type 2 on stream 1", {0, 2, flag_syn, 1, 0}},
      {"frame type 3 on stream 1", {0, 3, 0, 1, 0}},
      {"neither question nor answer", {0, 2, 0, 0, 0}},
      {"stream 9: a frame for a stream that was never opened", {0, 0, 0, 9, 0}},
      {"stream 4: a frame for a stream that was never opened", {0, 1, 0, 4, 1}},
      {"stream 1: opened twice", {0, 1, flag_syn, 1, 0}},
      {"stream 8: opened by the peer with an id of our side", {0, 1, flag_syn, 8, 0}},
      {"stream 1: acknowledged by the end that opened it", {0, 1, flag_ack, 1, 0}},
      {"stream 1: more data than its window", {0, 0, 0, 1, initial_window + 1}},
      {"stream 1: more data than its window", {0, 0, 0, 1, 0xffffffff}},
      {"stream 1: a window update beyond 2^32", {0, 1, 0, 1, 0xffffffff}},
      {"stream 3: ended twice", {0, 1, flag_fin, 3, 0}},
      {"stream 3: data after its end", {0, 0, 0, 3, 1}},
  };
  for (const auto& test : cases) {
    CAPTURE(test.words);
    Engine server = make_server();
    try {
      server.receive(encode(test.frame));
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::data_corruption);
      CHECK(std::string(error.what()).find(test.words) != std::string::npos);
    }
    OutputBuffer output;
    server.take_output(output);
    const auto expected = encode({0, 3, 0, 0, 1});
    CHECK(std::vector<std::byte>(output.begin(), output.end()) == expected);
    CHECK(server.writable(1) == 0);
  }
}

TEST_CASE("windows add up over frames: the byte too many is found") {
  Engine server = make_server();
  server.receive(encode({0, 0, 0, 1, 200'000}, 200'000));
  server.receive(encode({0, 0, 0, 1, 62'144}, 62'144));
  CHECK_THROWS_AS(server.receive(encode({0, 0, 0, 1, 1})), Error);
}

TEST_CASE("frames for a released stream are dropped, but not without limit") {
  Engine server = make_server();
  server.release(1);
  server.receive(encode({0, 0, 0, 1, 100'000}, 100'000));
  server.receive(encode({0, 1, flag_fin, 1, 5}));
  server.receive(encode({0, 1, flag_rst, 1, 0}));
  CHECK_THROWS_AS(server.receive(encode({0, 0, 0, 1, initial_window + 1})), Error);
}

TEST_CASE("a stream that is released while its data comes in takes no more of it") {
  Engine server = make_server();
  auto frame = encode({0, 0, 0, 1, 1000}, 1000);
  server.receive(std::span(frame).first(500));
  CHECK(server.readable(1).size() == 488);
  server.release(1);
  server.receive(std::span(frame).subspan(500));
  server.receive(encode({0, 2, flag_ack, 0, 77}));
  CHECK(server.take_pong() == 77);
}

TEST_CASE("a flood of questions without reading the answers is ended") {
  Engine server = make_server();
  const auto ping = encode({0, 2, flag_syn, 0, 1});
  try {
    for (int i = 0; i < 1'000'000; ++i) server.receive(ping);
    FAIL("no limit");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::resource_exhausted);
    CHECK(server.output_size() < 1100 * 1024);
  }
}

TEST_CASE("a flood of streams that are reset at once holds no memory") {
  Engine server(Role::server, {});
  for (StreamId id = 1; id < 200'000; id += 2) {
    server.receive(encode({0, 1, flag_syn, id, 0}));
    server.receive(encode({0, 1, flag_rst, id, 0}));
    while (const auto accepted = server.accept()) server.release(*accepted);
    OutputBuffer ignored;
    server.take_output(ignored);
  }
  CHECK(server.stream_count() == 0);
}

}  // namespace
