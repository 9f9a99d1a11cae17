// SPDX-License-Identifier: Apache-2.0
// bench_boot KERNEL MODULES COUNT (MODULES "-": the kernel needs none): how much later than a bare
// kernel's first process the agent answers, and how much sooner if the machine is restored from a
// file. The same machine (kernel, flags, devices) runs COUNT times each with an initramfs that
// holds nothing but a static /init which writes one line, with the library's own, and from where
// one of those was saved with its agent there; they take turns, so that what else the host does
// hits all. Prints one JSON object, times in milliseconds from Machine::start or Machine::restore.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/cpio.hpp"
#include "os/directory.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/agent/initramfs.hpp>
#include <vmkit/agent/port.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace {

using namespace vmkit;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto limit = 60s;

class VectorSink final : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    bytes.insert(bytes.end(), data.begin(), data.end());
  }
  std::vector<std::byte> bytes;
};

std::vector<std::byte> bare_initramfs() {
  std::ifstream file(VMKIT_BARE_INIT, std::ios::binary);
  const std::string init{std::istreambuf_iterator<char>(file), {}};
  if (init.empty()) throw std::runtime_error("cannot read " VMKIT_BARE_INIT);
  VectorSink sink;
  agent::CpioWriter cpio(sink);
  cpio.directory("dev", 0755);
  cpio.character_device("dev/console", 0600, 5, 1);
  cpio.file("init", 0755, std::as_bytes(std::span(init)));
  cpio.finish();
  return std::move(sink.bytes);
}

/// Until the last line of the console is that of bare_init.S.
void wait_for_bare_init(vm::Machine& machine, Clock::time_point deadline) {
  for (;;) {
    const auto lines = machine.console_tail(1);
    if (!lines.empty() && lines[0] == "bare init runs") return;
    if (Clock::now() > deadline) throw std::runtime_error("the bare machine did not reach /init");
    std::this_thread::sleep_for(500us);
  }
}

void wait_for_agent(vm::Machine& machine, Clock::time_point deadline) {
  agent::Client::connect(machine.open_port(agent::port_name), {.deadline = deadline});
}

/// A file with a machine whose agent answers.
void save(vm::Backend& backend, const vm::MachineConfig& config,
          const std::filesystem::path& file) {
  auto machine = backend.create(config);
  machine.start();
  wait_for_agent(machine, Clock::now() + limit);
  machine.pause();
  machine.save(file);
}

double restore(vm::Backend& backend, const vm::MachineConfig& config,
               const std::filesystem::path& file) {
  auto machine = backend.create(config);
  const auto begin = Clock::now();
  machine.restore(file);
  machine.resume();
  wait_for_agent(machine, begin + limit);
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

template <class Wait>
double boot(vm::Backend& backend, const vm::MachineConfig& config, Wait wait) {
  auto machine = backend.create(config);
  const auto begin = Clock::now();
  machine.start();
  wait(machine, begin + limit);
  const std::chrono::duration<double, std::milli> taken = Clock::now() - begin;
  machine.kill();
  return taken.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

}  // namespace

int main(int argc, char** argv) try {
  const int count = argc == 4 ? std::atoi(argv[3]) : 0;
  if (count < 1) return std::fputs("usage: bench_boot KERNEL MODULES COUNT\n", stderr), 2;

  const os::TemporaryDirectory folder("/tmp", "vmkit-bench");
  const auto disk = folder.path() / "disk";
  std::ofstream(disk).close();
  std::filesystem::resize_file(disk, 64 << 20);

  // As the machine of a container.
  vm::MachineConfig bare;
  bare.boot.image = argv[1];
  bare.disks = {{.path = disk, .identifier = "vmkit-root", .sync = vm::DiskSync::none}};
  bare.ports = {{.name = std::string(agent::port_name)}};
  vm::MachineConfig ours = bare;
  bare.boot.initrd = bare_initramfs();
  agent::InitramfsOptions initramfs;
  if (argv[2] != std::string_view("-")) initramfs.modules_directory = argv[2];
  ours.boot.initrd = agent::build_initramfs(initramfs);

  const auto backend = vm::make_qemu_backend();
  const auto capabilities = backend->capabilities();
  std::vector<double> bare_ms;
  std::vector<double> agent_ms;
  std::vector<double> restored_ms;
  const auto saved = folder.path() / "saved";
  save(*backend, ours, saved);
  for (int i = 0; i < count; ++i) {
    bare_ms.push_back(boot(*backend, bare, wait_for_bare_init));
    agent_ms.push_back(boot(*backend, ours, wait_for_agent));
    restored_ms.push_back(restore(*backend, ours, saved));
  }
  std::printf(
      "{\"count\": %d, \"accelerator\": \"%s\", \"bare_median_ms\": %.1f, \"bare_min_ms\": %.1f, "
      "\"agent_median_ms\": %.1f, \"agent_min_ms\": %.1f, \"difference_median_ms\": %.1f, "
      "\"difference_min_ms\": %.1f, \"restored_median_ms\": %.1f, \"restored_ratio\": %.2f, "
      "\"saved_mib\": %.1f}\n",
      count, capabilities.accelerator.c_str(), median(bare_ms), least(bare_ms), median(agent_ms),
      least(agent_ms), median(agent_ms) - median(bare_ms), least(agent_ms) - least(bare_ms),
      median(restored_ms), median(restored_ms) / median(agent_ms),
      static_cast<double>(std::filesystem::file_size(saved)) / (1 << 20));
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_boot: %s\n", error.what());
  return 1;
}
