// SPDX-License-Identifier: Apache-2.0
#include "monitor/operations.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <string_view>
#include <unistd.h>

#include "monitor/peer_messages.hpp"
#include "monitor/statistics_json.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Json = nlohmann::json;

// For signals, which take no time: a guest that does not answer for so long hangs.
constexpr std::chrono::seconds signal_patience(5);

/// Calls for a client end when the container does.
CallOptions call_of(const Supervisor& supervisor) {
  return {.stop = supervisor.ending()};
}

void do_status(Supervisor& supervisor, Channel& channel, const Json&) {
  const auto use = supervisor.use();
  Json ports = Json::array();
  for (const auto& port : use.box.ports()) {
    ports.push_back({{"host", agent::to_string(port.host)},
                     {"guest", port.guest.kind == agent::Endpoint::Kind::unix_socket
                                   ? port.guest.path
                                   : std::to_string(port.guest.port)},
                     {"protocol", port.guest.kind == agent::Endpoint::Kind::udp ? "udp" : "tcp"}});
  }
  const auto health = use.box.health();
  channel.send({{"state", to_string(use.box.state())},
                {"ports", std::move(ports)},
                {"health", to_string(health.state)},
                {"pid", ::getpid()},
                {"machinePid", use.box.diagnostics().process_id.value_or(0)},
                {"accelerator", use.box.diagnostics().accelerator},
                {"kernel", use.box.kernel_release()}});
}

void do_wait(Supervisor& supervisor, Channel& channel, const Json&) {
  channel.send(supervisor.wait_for_end());
}

int stop_signal_of(const Supervisor& supervisor, const Json& request) {
  const std::string name = request.value("signal", supervisor.stop_signal());
  if (const auto number = agent::signal_number(name)) return *number;
  throw Error(Errc::invalid_argument, "\"" + name + "\" is no signal, such as TERM or 15");
}

void do_stop(Supervisor& supervisor, Channel& channel, const Json& request) {
  const std::chrono::milliseconds grace(request.at("graceMilliseconds").get<std::int64_t>());
  const int number = stop_signal_of(supervisor, request);
  const auto attempt = [&](const auto& action) {
    try {
      const auto use = supervisor.use();
      action(use.box);
    } catch (const Error&) {
      // It has ended meanwhile, or hangs.
    }
  };
  const auto send = [&](int signal) {
    attempt([&](container::Container& box) {
      const auto call = call_of(supervisor).with_timeout(signal_patience);
      if (box.state() == vm::MachineState::paused) box.resume(call);
      supervisor.process().signal(signal, call);
    });
  };
  send(number);
  if (!supervisor.wait_for_exit(grace)) {
    send(SIGKILL);
    if (!supervisor.wait_for_exit(signal_patience)) {
      attempt([](container::Container& box) { box.kill(); });
    }
  }
  channel.send(supervisor.wait_for_end());
}

void do_kill(Supervisor& supervisor, Channel& channel, const Json& request) {
  const auto use = supervisor.use_running();
  supervisor.process().signal(request.at("signal").get<std::string>(),
                              call_of(supervisor).with_timeout(signal_patience));
  channel.send({{"done", true}});
}

void do_pause(Supervisor& supervisor, Channel& channel, const Json&) {
  supervisor.use().box.pause(call_of(supervisor));
  channel.send({{"done", true}});
}

void do_resume(Supervisor& supervisor, Channel& channel, const Json&) {
  supervisor.use().box.resume(call_of(supervisor));
  channel.send({{"done", true}});
}

void do_stats(Supervisor& supervisor, Channel& channel, const Json&) {
  const auto use = supervisor.use_running();
  channel.send(to_json(use.box.statistics(call_of(supervisor)),
                       use.box.machine_statistics(call_of(supervisor)),
                       ByteSize::parse(supervisor.options().memory)));
}

void do_top(Supervisor& supervisor, Channel& channel, const Json&) {
  const auto use = supervisor.use_running();
  Json list = Json::array();
  for (const auto& process : use.box.top(call_of(supervisor))) list.push_back(to_json(process));
  channel.send({{"processes", std::move(list)}});
}

/// {"from": PATH, "to": PATH, "in": BOOLEAN}: the host's one is absolute.
void do_copy(Supervisor& supervisor, Channel& channel, const Json& request) {
  const auto use = supervisor.use_running();
  StopSource stop;
  const StopCallback at_end(supervisor.ending(), [&] { stop.request_stop(); });
  const PeerMessages messages(
      channel, [](const Json&) {}, [&] { stop.request_stop(); });
  const CallOptions call{.stop = stop.token(), .progress = [&](const Progress& progress) {
                           channel.send({{"progress",
                                          {{"phase", progress.phase},
                                           {"subject", progress.subject},
                                           {"done", progress.done},
                                           {"total", progress.total}}}});
                         }};
  const std::string from = request.at("from"), to = request.at("to");
  const agent::CopyOptions copy{.follow_source = request.value("followLink", false)};
  const auto result = request.at("in").get<bool>() ? use.box.files().copy_in(from, to, copy, call)
                                                   : use.box.files().copy_out(from, to, copy, call);
  Json notices = Json::array();
  for (const auto& notice : result.notices.list) {
    notices.push_back(notice.path + ": " + notice.what);
  }
  channel.send({{"entries", result.entries},
                {"bytes", result.bytes},
                {"notices", std::move(notices)},
                {"moreNotices", result.notices.left_out}});
}

void do_clone_disk(Supervisor& supervisor, Channel& channel, const Json& request) {
  const auto method = supervisor.use_running().box.clone_disk(
      request.at("target").get<std::string>(), disk::CloneMode::prefer_cow, call_of(supervisor));
  channel.send({{"method", to_string(method)}});
}

void do_snapshot(Supervisor& supervisor, Channel& channel, const Json& request) {
  const auto method = supervisor.use_running().box.snapshot_disk(
      request.at("name").get<std::string>(), disk::CloneMode::prefer_cow, call_of(supervisor));
  channel.send({{"method", to_string(method)}});
}

struct Operation {
  std::string_view name;
  void (*act)(Supervisor&, Channel&, const Json&);
};

constexpr std::array operations{
    Operation{"status", do_status},     Operation{"wait", do_wait},
    Operation{"stop", do_stop},         Operation{"kill", do_kill},
    Operation{"pause", do_pause},       Operation{"unpause", do_resume},
    Operation{"stats", do_stats},       Operation{"top", do_top},
    Operation{"copy", do_copy},         Operation{"clone-disk", do_clone_disk},
    Operation{"snapshot", do_snapshot}, Operation{"exec", do_exec},
    Operation{"attach", do_attach},     Operation{"events", do_events}};

}  // namespace

void operate(Supervisor& supervisor, Channel& channel, const Json& request) {
  const std::string wanted = request.at("do").get<std::string>();
  for (const Operation& operation : operations) {
    if (operation.name == wanted) return operation.act(supervisor, channel, request);
  }
  throw Error(Errc::unsupported, "this container's monitor cannot " + wanted +
                                     ": it is of another version; `vmkit stop` and `vmkit start` "
                                     "the container");
}

}  // namespace cli
