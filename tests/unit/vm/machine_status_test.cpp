// SPDX-License-Identifier: Apache-2.0
#include "vm/machine_status.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <optional>
#include <thread>

using namespace vmkit;
using namespace vmkit::vm;
using namespace vmkit::vm::detail;
using namespace std::chrono_literals;
using S = MachineState;
using R = MachineEventReason;

TEST_CASE("machine status: which state may follow which") {
  constexpr S all[] = {S::created,  S::starting, S::running, S::paused,
                       S::stopping, S::stopped,  S::failed};
  // Rows: from; columns: to, in the order above.
  constexpr const char* table[] = {".x...xx", "..xxxxx", "...xxxx", "..x.xxx",
                                   ".....xx", ".......", "......."};
  for (int from = 0; from < 7; ++from) {
    for (int to = 0; to < 7; ++to) {
      CAPTURE(from);
      CAPTURE(to);
      CHECK(may_follow(all[from], all[to]) == (table[from][to] == 'x'));
    }
  }
}

TEST_CASE("machine status: events come in order, the refused do not come") {
  MachineStatus status;
  std::vector<R> seen;
  auto subscription = status.subscribe([&](const MachineEvent& event) {
    seen.push_back(event.reason);
    if (event.reason == R::started) status.announce(R::boot_retried);  // from inside: comes after
  });
  CHECK(status.enter(S::starting, R::start_requested));
  CHECK(status.enter(S::running, R::started));
  CHECK_FALSE(status.enter(S::starting, R::start_requested));
  CHECK_FALSE(status.enter_from(S::paused, S::running, R::resumed));
  CHECK(status.enter(S::failed, R::failed, Error(Errc::timeout, "why")));
  CHECK_FALSE(status.enter(S::stopped, R::killed));
  CHECK(seen == std::vector{R::start_requested, R::started, R::boot_retried, R::failed});
  CHECK(status.final_event().error->code() == Errc::timeout);
}

TEST_CASE("machine status: a subscription ends with its object, also inside its handler") {
  MachineStatus status;
  int first = 0;
  int second = 0;
  std::optional<EventSubscription> one;
  one.emplace(status.subscribe([&](const MachineEvent&) {
    ++first;
    one.reset();
  }));
  auto two = status.subscribe([&](const MachineEvent&) { ++second; });
  status.announce(R::boot_retried);
  status.announce(R::boot_retried);
  CHECK(first == 1);
  CHECK(second == 2);
  two = EventSubscription();
  status.announce(R::boot_retried);
  CHECK(second == 2);
}

TEST_CASE("machine status: ending a subscription waits for its handler in another thread") {
  MachineStatus status;
  std::atomic<bool> entered = false;
  std::atomic<bool> left = false;
  std::optional<EventSubscription> subscription(status.subscribe([&](const MachineEvent&) {
    entered = true;
    std::this_thread::sleep_for(20ms);
    left = true;
  }));
  std::thread other([&] { status.announce(R::boot_retried); });
  while (!entered) std::this_thread::yield();
  subscription.reset();
  CHECK(left);
  other.join();
}

TEST_CASE("machine status: who waits for the end has heard all events") {
  MachineStatus status;
  std::atomic<bool> heard = false;
  auto subscription = status.subscribe([&](const MachineEvent&) {
    std::this_thread::sleep_for(20ms);
    heard = true;
  });
  std::thread other([&] { status.enter(S::failed, R::failed); });
  CHECK(status.wait_for(is_final, "wait") == S::failed);
  CHECK(heard);
  other.join();
}

TEST_CASE("machine status: waiting ends with stop and deadline") {
  MachineStatus status;
  const auto code = [&](const CallOptions& options) {
    try {
      status.wait_for(is_final, "wait for it", options);
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("wait for it") != std::string::npos);
      return error.code();
    }
    return Errc::internal;
  };
  CHECK(code(CallOptions{}.with_timeout(10ms)) == Errc::timeout);
  StopSource source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(10ms);
    source.request_stop();
  });
  CHECK(code(CallOptions{.stop = source.token()}) == Errc::cancelled);
  stopper.join();
}
