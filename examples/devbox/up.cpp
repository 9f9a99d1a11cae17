// SPDX-License-Identifier: Apache-2.0
#include "up.hpp"

#include <csignal>
#include <cstdio>
#include <deque>
#include <pthread.h>
#include <thread>

namespace devbox {

using namespace vmkit;

namespace {

/// Turns the next SIGINT or SIGTERM into a stop request.
class Interruption {
 public:
  Interruption() {
    sigemptyset(&signals_);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals_, number);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::thread([this] {
      int number = 0;
      ::sigwait(&signals_, &number);
      if (number != SIGUSR1) source_.request_stop();
    });
  }
  ~Interruption() {
    ::pthread_kill(thread_.native_handle(), SIGUSR1);  // our own, to end the thread
    thread_.join();
  }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  CallOptions call() const { return {.stop = source_.token()}; }
  bool came() const { return source_.stop_requested(); }

 private:
  sigset_t signals_;
  StopSource source_;
  std::thread thread_;
};

void print_all(Source& source, std::FILE* target) {
  std::vector<std::byte> buffer(65536);
  while (const auto count = source.read(buffer)) std::fwrite(buffer.data(), 1, count, target);
  std::fflush(target);
}

}  // namespace

int up(Boxes& boxes, const Definition& definition, const Profile& profile) {
  const Interruption interruption;
  container::Container box = boxes.open(definition, profile.proxies);
  box.start(interruption.call());
  std::deque<agent::Process> services;
  for (const Service& service : profile.services) {
    services.push_back(box.exec({.args = service.command,
                                 .user = service.user,
                                 .stdout_mode = agent::Stdio::null,
                                 .stderr_mode = agent::Stdio::null},
                                interruption.call()));
  }
  for (const container::PortMapping& port : box.ports()) {
    std::printf("%s leads to %s in %s\n", to_string(port.host).c_str(),
                to_string(port.guest).c_str(), definition.name.c_str());
  }
  std::printf("%s is up\n", definition.name.c_str());
  std::fflush(stdout);
  try {
    const vm::MachineEvent end = box.wait(interruption.call());
    std::fprintf(stderr, "devbox: %s ended by itself: %s\n", definition.name.c_str(),
                 std::string(to_string(end.reason)).c_str());
    return 1;
  } catch (const Error& error) {
    if (!interruption.came()) throw;
  }
  box.stop();
  return 0;
}

int run(Boxes& boxes, const Definition& definition, const std::vector<std::string>& command) {
  const Interruption interruption;
  container::Container box = boxes.open(definition);
  box.start(interruption.call());
  agent::Process process = box.exec(
      {.args = command, .working_directory = "/home/" + definition.user, .user = definition.user},
      interruption.call());
  std::thread errors([&] { print_all(process.stderr_source(), stderr); });
  print_all(process.stdout_source(), stdout);
  errors.join();
  const agent::ExitStatus status = process.wait(interruption.call());
  box.stop();
  return status.exited() ? status.code : 128 + status.signal;
}

}  // namespace devbox
