// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <doctest/doctest.h>
#include <optional>
#include <thread>

#include <vmkit/base/stop.hpp>

using namespace vmkit;
using namespace std::chrono_literals;

TEST_CASE("stop: a default token never stops") {
  StopToken token;
  CHECK_FALSE(token.stop_requested());
  CHECK_FALSE(token.stop_possible());
  CHECK_FALSE(token.wait_for(1ms));
}

TEST_CASE("stop: callbacks run once, at the request or at once after it") {
  StopSource source;
  int runs = 0;
  StopCallback before(source.token(), [&] { ++runs; });
  CHECK(runs == 0);
  source.request_stop();
  source.request_stop();
  CHECK(runs == 1);
  StopCallback after(source.token(), [&] { ++runs; });
  CHECK(runs == 2);
}

TEST_CASE("stop: a removed callback does not run") {
  StopSource source;
  bool ran = false;
  {
    StopCallback callback(source.token(), [&] { ran = true; });
  }
  source.request_stop();
  CHECK_FALSE(ran);
}

TEST_CASE("stop: a callback may destroy its own registration") {
  StopSource source;
  std::optional<StopCallback> callback;
  callback.emplace(source.token(), [&] { callback.reset(); });
  source.request_stop();
  CHECK_FALSE(callback);
}

TEST_CASE("stop: the destructor waits for a callback in another thread") {
  StopSource source;
  std::atomic<bool> entered = false;
  std::atomic<bool> left = false;
  std::optional<StopCallback> callback;
  callback.emplace(source.token(), [&] {
    entered = true;
    std::this_thread::sleep_for(20ms);
    left = true;
  });
  std::thread stopper([&] { source.request_stop(); });
  while (!entered) std::this_thread::yield();
  callback.reset();
  CHECK(left);
  stopper.join();
}

TEST_CASE("stop: a wait ends early") {
  StopSource source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(10ms);
    source.request_stop();
  });
  CHECK(source.token().wait_for(1h));
  stopper.join();
}
