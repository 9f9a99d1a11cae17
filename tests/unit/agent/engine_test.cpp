// SPDX-License-Identifier: Apache-2.0
#include "agent/yamux/engine.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <vmkit/base/error.hpp>

namespace {

using namespace vmkit::agent::yamux;
using vmkit::Errc;
using vmkit::Error;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

std::vector<std::byte> output_of(Engine& engine) {
  OutputBuffer output;
  engine.take_output(output);
  return {output.begin(), output.end()};
}

// Carries what each engine has for the other until both are silent.
void shuttle(Engine& a, Engine& b) {
  while (a.has_output() || b.has_output()) {
    b.receive(output_of(a));
    a.receive(output_of(b));
  }
}

std::string read_all(Engine& engine, StreamId id) {
  std::string text;
  while (!engine.readable(id).empty()) {
    const auto part = engine.readable(id);
    text.append(reinterpret_cast<const char*>(part.data()), part.size());
    engine.consume(id, part.size());
  }
  return text;
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST_CASE("frames are the specification's, byte for byte") {
  Engine client(Role::client, {});
  Engine server(Role::server, {});
  const auto id = client.open();
  CHECK(output_of(client) == bytes({0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0}));
  client.write(id, as_bytes("hi"));
  CHECK(output_of(client) == bytes({0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 'h', 'i'}));
  client.finish(id);
  CHECK(output_of(client) == bytes({0, 1, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0}));
  client.release(id);
  CHECK(output_of(client) == bytes({0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0}));
  client.ping(0x01020304);
  CHECK(output_of(client) == bytes({0, 2, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4}));
  client.go_away(GoAwayCode::internal_error);
  CHECK(output_of(client) == bytes({0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}));

  CHECK(server.open() == 2);
  CHECK(output_of(server) == bytes({0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0}));
  server.receive(bytes({0, 2, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4}));
  CHECK(output_of(server) == bytes({0, 2, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4}));
}

TEST_CASE("the header of a stream is sent however much waits") {
  Limits limits;
  limits.output_target = 1;
  Engine client(Role::client, limits);
  const auto busy = client.open();
  client.write(busy, as_bytes("first"));
  CHECK(client.write(busy, as_bytes("second")) == 0);
  const auto id = client.open(as_bytes("head"));
  CHECK(client.write(id, as_bytes("body")) == 0);
  Engine server(Role::server, {});
  server.receive(output_of(client));
  server.accept();
  CHECK(server.accept() == id);
  CHECK(read_all(server, id) == "head");
}

TEST_CASE("a stream is opened, acknowledged, used both ways and half-closed") {
  Engine client(Role::client, {});
  Engine server(Role::server, {});
  const auto id = client.open();
  CHECK(client.write(id, as_bytes("question")) == 8);  // before the acknowledgement
  client.finish(id);
  server.receive(output_of(client));
  REQUIRE(server.accept() == id);
  CHECK_FALSE(server.accept());
  CHECK(output_of(server) == bytes({0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0}));
  CHECK_FALSE(server.at_end(id));
  CHECK(read_all(server, id) == "question");
  CHECK(server.at_end(id));
  CHECK(client.writable(id) == 0);

  server.write(id, as_bytes("answer"));
  server.finish(id);
  shuttle(client, server);
  CHECK(read_all(client, id) == "answer");
  CHECK(client.at_end(id));
  client.release(id);
  server.release(id);
  CHECK_FALSE(client.has_output());  // both had finished: no reset
  CHECK(server.stream_count() == 0);
}

TEST_CASE("data may open a stream, and carry its end") {
  Engine server(Role::server, {});
  server.receive(bytes({0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 3, 'a'}));
  REQUIRE(server.accept() == 7);
  CHECK(read_all(server, 7) == "a");
  CHECK_FALSE(server.at_end(7));  // two bytes are still to come
  server.receive(bytes({'b', 'c'}));
  CHECK(read_all(server, 7) == "bc");
  CHECK(server.at_end(7));
}

TEST_CASE("a writer stops at the window, and goes on when the reader has read half of it") {
  Limits limits;
  limits.output_target = 1 << 30;
  Engine client(Role::client, limits);
  Engine server(Role::server, limits);
  const auto id = client.open();
  const std::string block(100'000, 'x');
  std::size_t sent = 0;
  while (const std::size_t count = client.write(id, as_bytes(block))) sent += count;
  CHECK(sent == initial_window);
  shuttle(client, server);
  REQUIRE(server.accept() == id);
  shuttle(client, server);
  CHECK(client.writable(id) == 0);

  std::size_t consumed = 0;
  while (consumed < initial_window / 2 - 1) {
    const std::size_t count =
        std::min<std::size_t>(server.readable(id).size(), initial_window / 2 - 1 - consumed);
    server.consume(id, count);
    consumed += count;
  }
  shuttle(client, server);
  CHECK(client.writable(id) == 0);
  server.consume(id, 1);
  shuttle(client, server);
  CHECK(client.send_window(id) == initial_window / 2);
  std::size_t more = 0;
  while (const std::size_t count = client.write(id, as_bytes(block))) more += count;
  CHECK(more == initial_window / 2);
}

TEST_CASE("data is told at the end of its frame, and can be put into place without a copy") {
  Limits limits;
  limits.plenty_to_read = 100;
  Engine server(Role::server, limits);
  CHECK(server.room_for_payload().empty());
  server.receive(bytes({0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 6, 'a', 'b'}));
  REQUIRE(server.accept() == 1);
  server.take_changed();
  auto room = server.room_for_payload();
  REQUIRE(room.size() == 4);
  room[0] = room[1] = std::byte{'c'};
  server.received(2);
  CHECK(server.take_changed().empty());
  CHECK(read_all(server, 1) == "abcc");  // who looks sees it
  room = server.room_for_payload();
  REQUIRE(room.size() == 2);
  room[0] = room[1] = std::byte{'d'};
  server.received(2);
  CHECK(server.take_changed() == std::vector<StreamId>{1});
  CHECK(read_all(server, 1) == "dd");
  CHECK(server.room_for_payload().empty());

  // Data for a stream that was reset is dropped, and has no room.
  server.receive(bytes({0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2}));
  CHECK(server.room_for_payload().size() == 2);
  server.release(1);
  CHECK(server.room_for_payload().empty());
  server.receive(bytes({'x', 'y'}));
  server.receive(bytes({0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9}));
  CHECK(server.has_output());
}

TEST_CASE("a larger window is told with the opening and the acknowledgement") {
  Limits large;
  large.receive_window = 1 << 20;
  Engine client(Role::client, large);
  Engine server(Role::server, large);
  const auto id = client.open();
  CHECK(output_of(client) == bytes({0, 1, 0, 1, 0, 0, 0, 1, 0, 12, 0, 0}));
  server.receive(bytes({0, 1, 0, 1, 0, 0, 0, 1, 0, 12, 0, 0}));
  REQUIRE(server.accept() == id);
  CHECK(output_of(server) == bytes({0, 1, 0, 2, 0, 0, 0, 1, 0, 12, 0, 0}));
}

TEST_CASE("a reset reaches the other end, and what crosses it is dropped") {
  Engine client(Role::client, {});
  Engine server(Role::server, {});
  const auto id = client.open();
  client.write(id, as_bytes("lost"));
  shuttle(client, server);
  REQUIRE(server.accept() == id);
  shuttle(client, server);
  server.write(id, as_bytes("crossing"));
  client.release(id);
  shuttle(client, server);
  CHECK(server.reset_by_peer(id));
  CHECK(server.readable(id).empty());
  CHECK(server.writable(id) == 0);
  server.release(id);
  CHECK_FALSE(server.has_output());
}

TEST_CASE("refused streams are reset: none accepted, or too many") {
  Limits none;
  none.max_accepted = 0;
  Engine client(Role::client, none);
  client.receive(bytes({0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0}));
  CHECK(output_of(client) == bytes({0, 1, 0, 8, 0, 0, 0, 2, 0, 0, 0, 0}));
  CHECK_FALSE(client.accept());
  client.receive(bytes({0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 'x'}));  // crossed with the reset

  Limits two;
  two.max_streams = 2;
  Engine server(Role::server, two);
  for (const int id : {1, 3, 5}) server.receive(bytes({0, 1, 0, 1, 0, 0, 0, id, 0, 0, 0, 0}));
  CHECK(output_of(server) == bytes({0, 1, 0, 8, 0, 0, 0, 5, 0, 0, 0, 0}));
  try {
    server.open();
    FAIL("a third stream was opened");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::resource_exhausted);
  }
}

TEST_CASE("a go-away ends new streams, not old ones") {
  Engine client(Role::client, {});
  Engine server(Role::server, {});
  const auto id = client.open();
  shuttle(client, server);
  REQUIRE(server.accept() == id);
  server.go_away(GoAwayCode::normal);
  shuttle(client, server);
  CHECK(client.peer_went_away() == 0);
  try {
    client.open();
    FAIL("a stream was opened");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::unavailable);
  }
  CHECK(client.write(id, as_bytes("still")) == 5);
}

TEST_CASE("many streams, random portions: every byte arrives in its place") {
  std::mt19937 random(20260731);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  Engine client(Role::client, {});
  Engine server(Role::server, {});
  std::map<StreamId, std::string> expected;
  std::map<StreamId, std::string> found;
  std::vector<StreamId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(client.open());
  std::vector<std::byte> wire;
  for (int step = 0; step < 5'000; ++step) {
    const StreamId id = ids[below(ids.size())];
    std::string data(below(below(10) == 0 ? 70'000 : 200), static_cast<char>(random()));
    const std::size_t count = client.write(id, as_bytes(data));
    expected[id].append(data, 0, count);
    const auto output = output_of(client);
    wire.insert(wire.end(), output.begin(), output.end());
    const std::size_t portion = std::min(wire.size(), below(3000) + 1);
    server.receive(std::span(wire).first(portion));
    wire.erase(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(portion));
    while (server.accept()) {
    }
    const StreamId reader = ids[below(ids.size())];
    if (server.contains(reader)) found[reader] += read_all(server, reader);
    client.receive(output_of(server));
  }
  server.receive(wire);
  for (const StreamId id : ids) {
    found[id] += read_all(server, id);
    CHECK(found[id].size() > 20'000);
    CHECK(found[id] == expected[id]);
  }
}

}  // namespace
