// SPDX-License-Identifier: Apache-2.0
// bench_machines KERNEL MODULES COUNT (MODULES "-": the kernel needs none): what the QEMU backend
// adds to QEMU. Prints one JSON object.
//
// - start: milliseconds from Machine::start until it returns, beside the same QEMU (program,
//   devices, kernel) started alone until it answers on its control socket, in turns
// - event: milliseconds from a SIGKILL to QEMU until the machine's handler hears of it, and from
//   the call of pause() until it hears of that
// - idle: kB that this process grows by for each of ten machines of 128 MiB with their agents
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

#include "os/child_process.hpp"
#include "os/directory.hpp"
#include "os/file.hpp"
#include "os/process_usage.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/agent/initramfs.hpp>
#include <vmkit/agent/port.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace {

using namespace vmkit;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int idle_machines = 10;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// QEMU's own time: the same machine without us.
double start_plain_qemu(const vm::MachineConfig& config, const std::filesystem::path& initrd) {
  os::DescriptorPair commands = os::make_pipe();
  os::DescriptorPair answers = os::make_pipe();
  os::SpawnOptions spawn;
  spawn.arguments = {"/usr/bin/qemu-system-x86_64",
                     "-machine",
                     "microvm,acpi=on",
                     "-accel",
                     "tcg",
                     "-cpu",
                     "max",
                     "-m",
                     std::to_string(config.memory.bytes() >> 20) + "M",
                     "-nodefaults",
                     "-no-user-config",
                     "-display",
                     "none",
                     "-global",
                     "virtio-mmio.force-legacy=false",
                     "-serial",
                     "null",
                     "-device",
                     "virtio-serial-device",
                     "-chardev",
                     "null,id=port",
                     "-device",
                     "virtserialport,chardev=port,name=port",
                     "-object",
                     "rng-builtin,id=rng",
                     "-device",
                     "virtio-rng-device,rng=rng",
                     "-kernel",
                     config.boot.image.string(),
                     "-initrd",
                     initrd.string(),
                     "-append",
                     "console=ttyS0",
                     "-qmp",
                     "stdio"};
  spawn.stdin_fd = commands.first.get();
  spawn.stdout_fd = answers.second.get();
  constexpr std::string_view hello = "{\"execute\": \"qmp_capabilities\"}\n";
  const auto begin = Clock::now();
  os::ChildProcess qemu = os::ChildProcess::spawn(spawn);
  if (::write(commands.second.get(), hello.data(), hello.size()) < 0) return -1;
  std::string answer;
  std::array<char, 4096> buffer;
  while (answer.find("\"return\"") == std::string::npos) {
    const ssize_t count = ::read(answers.first.get(), buffer.data(), buffer.size());
    if (count <= 0) throw std::runtime_error("plain QEMU does not start: " + answer);
    answer.append(buffer.data(), static_cast<std::size_t>(count));
  }
  const double taken = milliseconds_since(begin);
  qemu.kill(SIGKILL);
  qemu.wait();
  return taken;
}

/// Until the event with `reason` from when `cause` begins.
template <class Cause>
double until_event(vm::Machine& machine, vm::MachineEventReason reason, Cause cause) {
  std::atomic<bool> heard{false};
  Clock::time_point when;
  const auto subscription = machine.on_event([&](const vm::MachineEvent& event) {
    if (event.reason != reason) return;
    when = Clock::now();
    heard = true;
  });
  const auto begin = Clock::now();
  cause();
  while (!heard) std::this_thread::sleep_for(100us);
  return std::chrono::duration<double, std::milli>(when - begin).count();
}

}  // namespace

int main(int argc, char** argv) try {
  const int count = argc == 4 ? std::atoi(argv[3]) : 0;
  if (count < 1) return std::fputs("usage: bench_machines KERNEL MODULES COUNT\n", stderr), 2;
  agent::InitramfsOptions initramfs;
  if (argv[2] != std::string_view("-")) initramfs.modules_directory = argv[2];
  const os::TemporaryDirectory folder("/tmp", "vmkit-bench");
  const auto initrd = folder.path() / "initrd";
  os::File::open(initrd, os::File::Mode::create_new).write_at(0, agent::build_initramfs(initramfs));
  vm::MachineConfig config;
  config.memory = ByteSize(128 << 20);
  config.boot.image = argv[1];
  config.boot.initrd = initrd;
  config.ports = {{.name = std::string(agent::port_name)}};

  const auto backend = vm::make_qemu_backend();
  backend->capabilities();
  std::vector<double> plain;
  std::vector<double> ours;
  std::vector<double> killed;
  std::vector<double> paused;
  for (int i = 0; i < count; ++i) {
    plain.push_back(start_plain_qemu(config, initrd));
    auto machine = backend->create(config);
    const auto begin = Clock::now();
    machine.start();
    ours.push_back(milliseconds_since(begin));
    paused.push_back(
        until_event(machine, vm::MachineEventReason::paused, [&] { machine.pause(); }));
    const auto pid = static_cast<pid_t>(machine.diagnostics().process_id.value());
    killed.push_back(
        until_event(machine, vm::MachineEventReason::failed, [&] { ::kill(pid, SIGKILL); }));
  }

  const auto own_memory = [] { return os::process_usage(::getpid()).resident_memory.bytes(); };
  std::deque<vm::Machine> machines;
  std::deque<agent::Client> clients;
  const auto add = [&] {
    machines.push_back(backend->create(config));
    machines.back().start();
    clients.push_back(agent::Client::connect(machines.back().open_port(agent::port_name),
                                             CallOptions{}.with_timeout(60s)));
  };
  add();  // what is needed once is not counted
  const std::uint64_t before = own_memory();
  for (int i = 0; i < idle_machines; ++i) add();
  const std::uint64_t after = own_memory();

  std::printf(
      "{\"count\": %d, \"start_ms\": {\"plain\": %.1f, \"machine\": %.1f, \"added\": %.1f}, "
      "\"event_ms\": {\"killed\": %.2f, \"paused\": %.2f}, \"idle_kib_each\": %llu}\n",
      count, median(plain), median(ours), median(ours) - median(plain), median(killed),
      median(paused), static_cast<unsigned long long>((after - before) / 1024 / idle_machines));
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_machines: %s\n", error.what());
  return 1;
}
