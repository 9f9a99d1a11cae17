// SPDX-License-Identifier: Apache-2.0
#include "agent/mux.hpp"

#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "unit/agent/fd_stream.hpp"

#include <vmkit/base/digest.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Pair {
  Pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    client = std::make_unique<Mux>(std::make_unique<test::FdStream>(fds[0]), yamux::Role::client,
                                   yamux::Limits{});
    server = std::make_unique<Mux>(std::make_unique<test::FdStream>(fds[1]), yamux::Role::server,
                                   yamux::Limits{});
  }
  std::unique_ptr<Mux> client;
  std::unique_ptr<Mux> server;
};

const CallOptions soon() {
  return CallOptions{}.with_timeout(20s);
}

Digest send_random(MuxStream& stream, std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Hasher hasher;
  std::vector<std::byte> block;
  while (size != 0) {
    block.resize(std::min<std::size_t>(random() % 200'000 + 1, size));
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>(i * seed >> 3);
    stream.write(block, soon());
    hasher.update(block);
    size -= block.size();
  }
  stream.close_write();
  return hasher.finish();
}

std::pair<std::size_t, Digest> receive_all(MuxStream& stream) {
  Hasher hasher;
  std::size_t total = 0;
  std::vector<std::byte> block(100'000);
  while (const std::size_t count = stream.read(block, soon())) {
    hasher.update(std::span(block).first(count));
    total += count;
  }
  return {total, hasher.finish()};
}

template <class Action>
Errc code_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("no error");
  return Errc::internal;
}

TEST_CASE("32 MiB go both ways at once, in random portions") {
  Pair pair;
  constexpr std::size_t size = 32 << 20;
  auto near = pair.client->open();
  auto far = pair.server->accept(soon());
  Digest sent_there = digest_of("");
  Digest sent_back = sent_there;
  std::thread a([&] { sent_there = send_random(*near, size, 3); });
  std::thread b([&] { sent_back = send_random(*far, size, 5); });
  std::pair<std::size_t, Digest> there{0, sent_there};
  std::thread c([&] { there = receive_all(*far); });
  const auto back = receive_all(*near);
  a.join();
  b.join();
  c.join();
  CHECK(there.first == size);
  CHECK(there.second == sent_there);
  CHECK(back.first == size);
  CHECK(back.second == sent_back);
}

TEST_CASE("a reader that sleeps stops its own writer and nobody else") {
  Pair pair;
  auto slow = pair.client->open();
  auto slow_end = pair.server->accept(soon());
  auto fast = pair.client->open();
  auto fast_end = pair.server->accept(soon());
  std::atomic<std::size_t> written{0};
  StopSource stop;
  std::thread writer([&] {
    CallOptions options;
    options.stop = stop.token();
    const std::vector<std::byte> block(10'000);
    CHECK(code_of([&] {
            for (;;) {
              slow->write(block, options);
              written += block.size();
            }
          }) == Errc::cancelled);
  });
  while (written < 250'000) std::this_thread::sleep_for(1ms);
  std::thread sender([&] { send_random(*fast, 8 << 20, 9); });
  CHECK(receive_all(*fast_end).first == 8 << 20);
  sender.join();
  CHECK(written <= 256 * 1024);
  const auto before = Clock::now();
  stop.request_stop();
  writer.join();
  CHECK(Clock::now() - before < 1s);
}

TEST_CASE("1000 streams at once, each echoed") {
  Pair pair;
  constexpr int count = 1000;
  std::thread echo([&] {
    std::vector<std::unique_ptr<MuxStream>> open;
    std::vector<std::byte> block(100);
    for (int i = 0; i < count; ++i) {
      open.push_back(pair.server->accept(soon()));
      const std::size_t size = open.back()->read(block, soon());
      open.back()->write(std::span(block).first(size), soon());
      open.back()->close_write();
    }
    for (auto& stream : open) CHECK(stream->read(block, soon()) == 0);
  });
  std::vector<std::unique_ptr<MuxStream>> streams;
  for (int i = 0; i < count; ++i) {
    streams.push_back(pair.client->open());
    const std::string text = "stream " + std::to_string(i);
    streams.back()->write(std::as_bytes(std::span(text)), soon());
  }
  for (int i = 0; i < count; ++i) {
    const std::string expected = "stream " + std::to_string(i);
    std::string found(expected.size(), ' ');
    std::size_t filled = 0;
    while (filled < found.size()) {
      const auto rest = std::as_writable_bytes(std::span(found)).subspan(filled);
      const std::size_t got = streams[static_cast<std::size_t>(i)]->read(rest, soon());
      if (got == 0) break;
      filled += got;
    }
    CHECK(found == expected);
    streams[static_cast<std::size_t>(i)]->close_write();
  }
  echo.join();
}

TEST_CASE("a deadline, a stop and close() wake a reader") {
  Pair pair;
  auto stream = pair.client->open();
  std::vector<std::byte> buffer(10);
  CHECK(code_of([&] { stream->read(buffer, CallOptions{}.with_timeout(20ms)); }) == Errc::timeout);
  StopSource source;
  CallOptions options;
  options.stop = source.token();
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    source.request_stop();
  });
  CHECK(code_of([&] { stream->read(buffer, options); }) == Errc::cancelled);
  stopper.join();
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    stream->close();
  });
  CHECK(stream->read(buffer) == 0);
  closer.join();
  CHECK(code_of([&] { stream->write(buffer); }) == Errc::unavailable);
}

TEST_CASE("a half-close from another thread wakes a writer that waits for room") {
  Pair pair;
  auto near = pair.client->open();
  auto far = pair.server->accept(soon());
  const std::vector<std::byte> much(8 << 20);
  std::thread closer([&] {
    std::byte first;
    CHECK(far->read({&first, 1}, soon()) == 1);
    std::this_thread::sleep_for(50ms);  // by now the window is full and the writer waits
    near->close_write();
  });
  CHECK(code_of([&] { near->write(much, soon()); }) == Errc::unavailable);
  closer.join();
  CHECK(receive_all(*far).first > 0);  // what had been taken arrives, and then the end
}

TEST_CASE("the other end's reset is an error for reader and writer") {
  Pair pair;
  auto near = pair.client->open();
  auto far = pair.server->accept(soon());
  far.reset();
  std::vector<std::byte> buffer(10);
  CHECK(code_of([&] { near->read(buffer, soon()); }) == Errc::unavailable);
  CHECK(code_of([&] { near->write(buffer, soon()); }) == Errc::unavailable);
}

TEST_CASE("the end of the session wakes everybody at once; what had arrived can still be read") {
  Pair pair;
  auto reader = pair.client->open();
  auto writer = pair.client->open();
  auto served = pair.client->open();
  std::vector<std::unique_ptr<MuxStream>> far;
  for (int i = 0; i < 3; ++i) far.push_back(pair.server->accept(soon()));
  std::vector<std::byte> buffer(10);
  far[2]->write(buffer);
  far[2]->close_write();
  CHECK(served->read(std::span(buffer).first(1), soon()) == 1);
  std::atomic<int> woken{0};
  std::thread a([&] {
    CHECK(code_of([&] { reader->read(buffer); }) == Errc::unavailable);
    ++woken;
  });
  std::thread b([&] {
    const std::vector<std::byte> much(1 << 20);
    CHECK(code_of([&] { writer->write(much); }) == Errc::unavailable);
    ++woken;
  });
  std::thread c([&] {
    CHECK(code_of([&] { pair.client->accept(); }) == Errc::unavailable);
    ++woken;
  });
  std::this_thread::sleep_for(20ms);
  pair.server.reset();
  a.join();
  b.join();
  c.join();
  CHECK(woken == 3);
  std::vector<std::byte> rest(10);
  CHECK(served->read(rest) == 9);
  CHECK(served->read(rest) == 0);
  REQUIRE(pair.client->failure());
  CHECK(pair.client->failure()->code() == Errc::unavailable);
  CHECK(code_of([&] { pair.client->open(); }) == Errc::unavailable);
}

TEST_CASE("streams may outlive their session") {
  Pair pair;
  auto stream = pair.client->open();
  pair.client.reset();
  std::vector<std::byte> buffer(10);
  CHECK(code_of([&] { stream->read(buffer); }) == Errc::unavailable);
  stream.reset();
}

TEST_CASE("a peer that talks nonsense gets a go-away and ends the session") {
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  Mux mux(std::make_unique<test::FdStream>(fds[0]), yamux::Role::client, yamux::Limits{});
  test::FdStream peer(fds[1]);
  auto stream = mux.open();
  const std::string nonsense = "HTTP/1.1 400 Bad Request\r\n\r\n";
  peer.write(std::as_bytes(std::span(nonsense)));
  std::vector<std::byte> buffer(100);
  CHECK(code_of([&] { stream->read(buffer); }) == Errc::unavailable);
  CHECK(std::string(mux.failure()->what()).find("expected version 0, found 72") !=
        std::string::npos);
  std::vector<std::byte> said;
  while (const std::size_t count = peer.read(buffer)) {
    said.insert(said.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
  }
  REQUIRE(said.size() == 24);
  CHECK(said[13] == std::byte{3});
  CHECK(said[23] == std::byte{1});
}

TEST_CASE("a peer that reads nothing does not hold a caller or the end") {
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  test::FdStream peer(fds[1]);
  const auto start = Clock::now();
  {
    Mux mux(std::make_unique<test::FdStream>(fds[0]), yamux::Role::client, yamux::Limits{});
    std::vector<std::unique_ptr<MuxStream>> streams;
    const std::vector<std::byte> much(1 << 20);
    for (int i = 0; i < 4; ++i) {
      streams.push_back(mux.open());
      CHECK(code_of([&] { streams.back()->write(much, CallOptions{}.with_timeout(30ms)); }) ==
            Errc::timeout);
    }
  }
  CHECK(Clock::now() - start < 5s);
}

}  // namespace
