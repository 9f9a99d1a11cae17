// SPDX-License-Identifier: Apache-2.0
#include "monitor/client.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <mutex>
#include <thread>
#include <unistd.h>

#include "terminal/raw_terminal.hpp"

#include <vmkit/container/record.hpp>

namespace cli {

using namespace vmkit;
using Json = nlohmann::json;

Channel connect(const Found& found) {
  const Entry& entry = found.entry;
  if (!found.in_use) {
    throw Error(
        Errc::failed_precondition,
        "container " + entry.name + " is not running; `vmkit start " + entry.name + "` starts it");
  }
  if (entry.socket.empty()) {
    throw Error(Errc::unavailable,
                "container " + entry.name + " is being started; try again in a moment");
  }
  return Channel::connect(entry.socket);
}

Json next_answer(Channel& channel) {
  auto answer = channel.receive();
  if (!answer) {
    throw Error(Errc::unavailable,
                "the container's monitor has ended in between; see `vmkit ps -a`");
  }
  if (answer->contains("error") && answer->at("error").is_object()) throw error_of(*answer);
  return std::move(*answer);
}

Json ask(Channel& channel, const Json& request, std::span<const int> descriptors) {
  channel.send(request, descriptors);
  return next_answer(channel);
}

Json ask(const Found& found, const Json& request) {
  Channel channel = connect(found);
  return ask(channel, request);
}

std::optional<Json> try_ask(const Found& found, const Json& request) {
  try {
    return ask(found, request);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void stop(const Found& found, double seconds, const std::optional<std::string>& signal) {
  Json request{{"do", "stop"}, {"graceMilliseconds", std::llround(seconds * 1000)}};
  if (signal) request["signal"] = *signal;
  try {
    // The answer comes when the container is closed: until then its folder is not free.
    ask(found, request);
    return;
  } catch (const Error& error) {
    if (error.code() != Errc::unavailable) throw;
  }
  // It is ending by itself, or not whole yet, or its monitor is being killed.
  const auto containers = found.entry.folder.parent_path();
  for (int i = 0; i < 300; ++i) {
    const auto records = container::list_containers(containers);
    const bool held = std::any_of(records.begin(), records.end(), [&](const auto& record) {
      return record.folder == found.entry.folder && record.in_use;
    });
    if (!held) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw Error(Errc::timeout, "container " + found.entry.name +
                                 " neither answers nor ends; end its monitor, a process of vmkit");
}

int converse(Channel& channel, const Json& request, const Interrupt& interrupt) {
  constexpr std::array streams{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  std::mutex mutex;
  bool asked = false;
  std::optional<int> early;  // a signal before there was anybody to tell of it
  const auto pass_on = [&](int number) {
    // Our terminal is closed: we go, and the monitor does what is to be done.
    if (number == SIGHUP) return channel.shutdown_receive();
    try {
      channel.send({{"signal", number}});
    } catch (const Error&) {
      // It is ending.
    }
  };
  const Interrupt::Forwarding signals(interrupt, [&](int number) {
    const std::lock_guard lock(mutex);
    if (asked) {
      pass_on(number);
    } else {
      early = number;
    }
  });
  if (interrupt.signal() != 0) throw Error(Errc::cancelled, "stopped");
  {
    const std::lock_guard lock(mutex);
    channel.send(request, streams);
    asked = true;
    if (early) pass_on(*early);
  }
  std::optional<RawTerminal> raw;
  for (;;) {
    const Json answer = next_answer(channel);
    if (answer.contains("exit")) return answer.at("exit").get<int>();
    if (!answer.value("terminal", false) || !terminal_size()) continue;
    raw.emplace([&](agent::TerminalSize size) {
      channel.send({{"resize", {size.rows, size.columns}}});
    });
  }
}

}  // namespace cli
