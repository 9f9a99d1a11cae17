// SPDX-License-Identifier: Apache-2.0
// What a client takes part in for longer: processes, the container's own, events.
#include <condition_variable>
#include <csignal>
#include <deque>

#include "monitor/operations.hpp"
#include "monitor/peer_messages.hpp"
#include "output/time.hpp"
#include "terminal/stdio_relay.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Json = nlohmann::json;

// A message is at most so large, and events that nobody takes are not collected for ever.
constexpr std::size_t most_events = 1024;

/// Three: input, output, error output.
std::vector<Descriptor> streams_of(Channel& channel) {
  auto descriptors = channel.take_descriptors();
  if (descriptors.size() != 3) {
    throw Error(Errc::invalid_argument, "expected three descriptors with the request, found " +
                                            std::to_string(descriptors.size()));
  }
  return descriptors;
}

agent::TerminalSize size_of(const Json& json) {
  return {json.at(0).get<unsigned>(), json.at(1).get<unsigned>()};
}

/// {"signal": NUMBER}, {"resize": [ROWS, COLUMNS]}.
void pass_on(agent::Process& process, const Json& message) {
  try {
    if (message.contains("signal")) process.signal(message.at("signal").get<int>());
    if (message.contains("resize")) process.resize(size_of(message.at("resize")));
  } catch (const Error&) {
    // It has ended, or has no terminal.
  }
}

}  // namespace

void do_exec(Supervisor& supervisor, Channel& channel, const Json& request) {
  const auto streams = streams_of(channel);
  const bool interactive = request.value("interactive", false);
  container::ProcessOptions wanted{
      .args = request.at("args").get<std::vector<std::string>>(),
      .env = request.value("env", std::vector<std::string>()),
      .privileged = request.value("privileged", false),
      .stdin_mode = interactive ? agent::Stdio::pipe : agent::Stdio::null};
  if (request.contains("user")) wanted.user = request.at("user").get<std::string>();
  if (request.contains("workdir")) wanted.working_directory = request.at("workdir");
  if (request.contains("terminal")) wanted.terminal = size_of(request.at("terminal"));
  if (wanted.args.empty()) throw Error(Errc::invalid_argument, "exec: no command");
  const bool detached = request.value("detach", false);
  if (detached) wanted.stdout_mode = wanted.stderr_mode = agent::Stdio::null;

  const auto use = supervisor.use_running();
  StopSource stop;
  const StopCallback at_end(supervisor.ending(), [&] { stop.request_stop(); });
  const CallOptions call{.stop = stop.token()};
  agent::Process process = use.box.exec(wanted, call);
  channel.send({{"pid", process.pid()}, {"terminal", wanted.terminal.has_value()}});
  if (detached) return;
  const PeerMessages messages(
      channel, [&](const Json& message) { pass_on(process, message); },
      [&] {
        pass_on(process, {{"signal", SIGHUP}});  // as when its terminal is closed
        stop.request_stop();
      });
  RelayEnds ends{.output = writer_to(streams[1].get())};
  if (!wanted.terminal) ends.errors = writer_to(streams[2].get());
  if (interactive) ends.input = streams[0].get();
  channel.send({{"exit", exit_status_of(relay(process, ends, call))}});
}

void do_attach(Supervisor& supervisor, Channel& channel, const Json& request) {
  const auto streams = streams_of(channel);
  {
    const auto use = supervisor.use();
    const Supervisor::Listener listener(supervisor, writer_to(streams[1].get()),
                                        writer_to(streams[2].get()));
    struct Input {
      Input(int descriptor, Supervisor& whose)
          : supervisor(whose),
            copy(descriptor, whose.process(), InputCopy::AtEnd::leave_open, whose.ending()) {}
      ~Input() { supervisor.give_input_back(); }
      Supervisor& supervisor;
      InputCopy copy;
    };
    std::optional<Input> input;
    if (request.value("input", false) && supervisor.take_input()) {
      input.emplace(streams[0].get(), supervisor);
    }
    channel.send({{"terminal", supervisor.options().terminal && input.has_value()}});
    std::mutex mutex;
    std::condition_variable changed;
    bool gone = false;
    const StopCallback at_end(supervisor.ending(), [&] { channel.shutdown_receive(); });
    const PeerMessages messages(
        channel, [&](const Json& message) { pass_on(supervisor.process(), message); },
        [&] {
          const std::lock_guard lock(mutex);
          gone = true;
          changed.notify_all();
        });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return gone; });
  }
  if (supervisor.ending().stop_requested()) channel.send(supervisor.wait_for_end());
}

void do_events(Supervisor& supervisor, Channel& channel, const Json&) {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<container::ContainerEvent> events;
  std::size_t lost = 0;
  bool gone = false;
  const auto leave = [&] {
    const std::lock_guard lock(mutex);
    gone = true;
    changed.notify_all();
  };
  const auto use = supervisor.use();
  const auto subscription = use.box.on_event([&](const container::ContainerEvent& event) {
    const std::lock_guard lock(mutex);
    if (events.size() < most_events) {
      events.push_back(event);
    } else {
      ++lost;
    }
    changed.notify_all();
  });
  const StopCallback at_end(supervisor.ending(), leave);
  const PeerMessages messages(
      channel, [](const Json&) {}, leave);
  channel.send({{"subscribed", true}});
  for (std::unique_lock lock(mutex);;) {
    changed.wait(lock, [&] { return gone || !events.empty(); });
    if (events.empty()) return;
    const container::ContainerEvent event = std::move(events.front());
    events.pop_front();
    const std::size_t missing = std::exchange(lost, 0);
    lock.unlock();
    if (missing != 0) channel.send({{"type", "lost"}, {"attributes", {{"count", missing}}}});
    channel.send(
        {{"time", to_text(event.time)}, {"type", event.type}, {"attributes", event.attributes}});
    lock.lock();
  }
}

}  // namespace cli
