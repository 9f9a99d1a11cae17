// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <thread>

#include "support/memory_source.hpp"

#include <vmkit/archive/read_ahead.hpp>
#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::archive;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

std::string numbered(std::size_t length) {
  std::string text;
  for (int i = 0; text.size() < length; ++i) text += std::to_string(i) + ",";
  text.resize(length);
  return text;
}

/// Gives `before` and then throws; counts what it gave.
struct Failing final : Source {
  std::string before;
  std::size_t read(std::span<std::byte> buffer) override {
    if (before.empty()) throw Error(Errc::unavailable, "the line went dead");
    const std::size_t count = std::min(buffer.size(), before.size());
    std::copy_n(reinterpret_cast<const std::byte*>(before.data()), count, buffer.begin());
    before.erase(0, count);
    return count;
  }
};

/// Calls `pause` before each read.
struct Slow final : Source {
  explicit Slow(const std::string& text) : bytes(text) {}
  MemorySource bytes;
  std::function<void()> pause;
  std::size_t read(std::span<std::byte> buffer) override {
    pause();
    return bytes.read(buffer);
  }
};

/// Never at its end; counts how far it was read.
struct Endless final : Source {
  explicit Endless(std::atomic<std::uint64_t>& counter) : given(counter) {}
  std::atomic<std::uint64_t>& given;
  std::size_t read(std::span<std::byte> buffer) override {
    given += buffer.size();
    return buffer.size();
  }
};

/// Blocks until it is let go.
struct Blocking final : Source {
  explicit Blocking(StopToken until) : stop(std::move(until)) {}
  StopToken stop;
  std::size_t read(std::span<std::byte>) override {
    while (!stop.wait_for(10s)) continue;
    return 0;
  }
};

const ReadAheadOptions small = {
    .buffer_size = 1000_B, .buffers = 3, .digest = DigestAlgorithm::sha256};

}  // namespace

TEST_CASE("read ahead: gives the same bytes and their digest") {
  for (const std::size_t length : {0, 1, 999, 1000, 1001, 3000, 123'456}) {
    CAPTURE(length);
    const std::string text = numbered(length);
    ReadAhead by_read(std::make_unique<MemorySource>(text, 77), small);
    CHECK(read_all(by_read, 333) == text);
    CHECK(by_read.digest() == digest_of(text));

    ReadAhead by_view(std::make_unique<MemorySource>(text, 5000), small);
    std::string got;
    for (;;) {
      const auto piece = by_view.next();
      if (piece.empty()) break;
      got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    CHECK(got == text);
    CHECK(by_view.next().empty());
    CHECK(by_view.digest() == digest_of(text));
  }
}

TEST_CASE("read ahead: the digest is right whoever waits for whom") {
  const std::string text = numbered(200'000);
  const auto pause = [](int number, std::chrono::microseconds time) {
    if (number % 7 == 0) std::this_thread::sleep_for(time);
  };
  for (const auto source_pause : {0us, 300us}) {
    for (const auto reader_pause : {0us, 300us}) {
      for (const auto before_first : {0ms, 20ms}) {
        auto bytes = std::make_unique<Slow>(text);
        bytes->pause = [&, number = 0]() mutable { pause(number++, source_pause); };
        ReadAhead source(std::move(bytes), small);
        std::this_thread::sleep_for(before_first);
        std::string got;
        for (auto piece = source.next(); !piece.empty(); piece = source.next()) {
          got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
          pause(static_cast<int>(got.size() / 1000), reader_pause);
        }
        CHECK(got == text);
        CHECK(source.digest() == digest_of(text));
      }
    }
  }
}

TEST_CASE("read ahead: read and next may be mixed") {
  const std::string text = numbered(5000);
  ReadAhead source(std::make_unique<MemorySource>(text), small);
  std::string got(10, '\0');
  CHECK(source.read(std::as_writable_bytes(std::span(got))) == 10);
  const auto piece = source.next();
  got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  CHECK(got == text.substr(0, 1000));
}

TEST_CASE("read ahead: an error comes after the bytes before it, and stays") {
  auto failing = std::make_unique<Failing>();
  failing->before = numbered(2500);
  ReadAhead source(std::move(failing), small);
  std::string got(2500, '\0');
  CHECK(read_full(source, std::as_writable_bytes(std::span(got))) == 2500);
  CHECK(got == numbered(2500));
  for (int i = 0; i < 2; ++i) {
    try {
      source.next();
      FAIL("expected an error");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::unavailable);
      CHECK(std::string(error.what()) == "the line went dead");
    }
  }
  CHECK_THROWS_AS(source.digest(), Error);
}

TEST_CASE("read ahead: goes no further than its buffers, and may be left at any time") {
  std::atomic<std::uint64_t> given{0};
  {
    ReadAhead source(std::make_unique<Endless>(given), small);
    CHECK(source.next().size() == 1000);
    std::this_thread::sleep_for(50ms);
    CHECK(given <= 4000);
  }
  const std::uint64_t at_the_end = given;
  std::this_thread::sleep_for(20ms);
  CHECK(given == at_the_end);
}

TEST_CASE("read ahead: those that share memory do not hold each other up") {
  const auto pool = std::make_shared<BufferPool>(
      BufferPoolOptions{.buffer_size = 1000_B, .own_buffers = 2, .shared_buffers = 4});
  const ReadAheadOptions shared{.pool = pool, .digest = DigestAlgorithm::sha256};
  std::atomic<std::uint64_t> given{0};
  ReadAhead waiting(std::make_unique<Endless>(given), shared);
  while (given < 6000) std::this_thread::sleep_for(1ms);
  const std::string text = numbered(123'456);
  for (int i = 0; i < 3; ++i) {
    ReadAhead source(std::make_unique<MemorySource>(text), shared);
    CHECK(read_all(source, 333) == text);
    CHECK(source.digest() == digest_of(text));
  }
  CHECK(given <= 6000);  // its own buffers, and those for who waits
  // Once it is read it keeps what it has, until another one waits.
  for (int i = 0; i < 100; ++i) CHECK(waiting.next().size() == 1000);
  while (given < 105'000) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(20ms);
  CHECK(given <= 106'000);
  std::atomic<std::uint64_t> others{0};
  const ReadAhead next(std::make_unique<Endless>(others), shared);
  while (others < 2000) std::this_thread::sleep_for(1ms);
  for (int i = 0; i < 100; ++i) CHECK(waiting.next().size() == 1000);
  while (others < 6000) std::this_thread::sleep_for(1ms);
  CHECK(given <= 203'000);
}

TEST_CASE("read ahead: a stop and a deadline end the wait for a source that hangs") {
  StopSource let_go;
  {
    StopSource stop;
    ReadAhead source(std::make_unique<Blocking>(let_go.token()), small, {.stop = stop.token()});
    std::thread stopper([&] {
      std::this_thread::sleep_for(30ms);
      stop.request_stop();
    });
    const auto start = std::chrono::steady_clock::now();
    try {
      source.next();
      FAIL("expected an error");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::cancelled);
    }
    CHECK(std::chrono::steady_clock::now() - start < 5s);
    stopper.join();

    ReadAhead late(std::make_unique<Blocking>(let_go.token()), small,
                   CallOptions{}.with_timeout(30ms));
    try {
      late.next();
      FAIL("expected an error");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::timeout);
    }
    let_go.request_stop();
  }
}
