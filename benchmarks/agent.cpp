// SPDX-License-Identifier: Apache-2.0
// bench_agent KERNEL MODULES DISK COUNT: what the agent costs. Two machines (same kernel, devices,
// flags): one with the agent and DISK (an ext4 image of a Linux with /bin/sh, copied first) as its
// root, one whose first process writes and reads the same port as fast as it can
// (channel_guest.cpp). Both are measured in turns. Prints one JSON object.
//
// - channel: MiB/s through the port, raw; and from a process's output to the host, from the host
//   to a process's input
// - exec: /bin/true from the request to its exit status, beside the same fork and exec by a loop of
//   the guest's shell
// - the agent: bytes on disk, kB resident after all that
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/cpio.hpp"
#include "os/directory.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/agent/initramfs.hpp>
#include <vmkit/agent/port.hpp>
#include <vmkit/disk/clone.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace {

using namespace vmkit;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t mebibyte = 1 << 20;
constexpr std::size_t transfer_mebibytes = 128;
constexpr std::size_t transfer = transfer_mebibytes * mebibyte;

CallOptions soon() {
  return CallOptions{}.with_timeout(60s);
}

class VectorSink final : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    bytes.insert(bytes.end(), data.begin(), data.end());
  }
  std::vector<std::byte> bytes;
};

std::string file_bytes(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.empty()) throw std::runtime_error(std::string("cannot read ") + path);
  return bytes;
}

/// The agent's initramfs with another first process: what comes later in an initramfs wins.
std::vector<std::byte> with_init(std::vector<std::byte> initramfs) {
  const std::string init = file_bytes(VMKIT_CHANNEL_GUEST);
  VectorSink sink;
  agent::CpioWriter cpio(sink);
  cpio.file("init", 0755, std::as_bytes(std::span(init)));
  cpio.finish();
  initramfs.insert(initramfs.end(), sink.bytes.begin(), sink.bytes.end());
  return initramfs;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class Work>
double seconds(Work work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

template <class Read>
void take(std::size_t size, Read read) {
  std::vector<std::byte> buffer(256 * 1024);
  while (size != 0) {
    const std::size_t count = read(std::span(buffer).first(std::min(size, buffer.size())));
    if (count == 0) throw std::runtime_error("the stream ended early");
    size -= count;
  }
}

template <class Write>
void give(std::size_t size, Write write) {
  const std::vector<std::byte> buffer(256 * 1024);
  while (size != 0) {
    const std::size_t count = std::min(size, buffer.size());
    write(std::span(buffer).first(count));
    size -= count;
  }
}

class RawMachine {
 public:
  RawMachine(vm::Backend& backend, const vm::MachineConfig& config)
      : machine_(backend.create(config)) {
    machine_.start();
    port_ = machine_.open_port(agent::port_name);
    from_guest(1);
  }

  double from_guest(std::size_t size) {
    return seconds([&] {
      command("w", size);
      take(size, [&](std::span<std::byte> buffer) { return port_->read(buffer); });
    });
  }
  double to_guest(std::size_t size) {
    return seconds([&] {
      command("r", size);
      give(size, [&](std::span<const std::byte> data) { port_->write(data); });
      take(1, [&](std::span<std::byte> buffer) { return port_->read(buffer); });
    });
  }

 private:
  void command(const char* what, std::size_t size) {
    const std::string line = what + std::to_string(size) + "\n";
    port_->write(std::as_bytes(std::span(line)));
  }

  vm::Machine machine_;
  std::unique_ptr<Stream> port_;
};

class AgentMachine {
 public:
  AgentMachine(vm::Backend& backend, const vm::MachineConfig& config)
      : machine_(backend.create(config)), client_([&] {
          machine_.start();
          return agent::Client::connect(machine_.open_port(agent::port_name), soon());
        }()) {
    client_.create_container({.root = {.serial = "vmkit-root"}}, soon());
  }

  agent::Process start(const std::string& script, bool input = false) {
    agent::ProcessSpec spec{.args = {"/bin/sh", "-c", script}, .env = {"PATH=/usr/bin:/bin"}};
    if (input) spec.stdin_mode = agent::Stdio::pipe;
    return client_.spawn(spec, soon());
  }
  std::string output(const std::string& script) {
    auto process = start(script);
    std::string text;
    std::vector<std::byte> buffer(4096);
    while (const std::size_t count = process.stdout_source().read(buffer, soon())) {
      text.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    process.wait(soon());
    return text;
  }
  double from_guest(std::size_t size) {
    auto process = start("exec dd if=/dev/zero bs=65536 count=" + std::to_string(size / 65536) +
                         " status=none");
    return seconds([&] {
      take(size, [&](std::span<std::byte> b) { return process.stdout_source().read(b, soon()); });
    });
  }
  double to_guest(std::size_t size) {
    auto process = start("dd of=/dev/null bs=65536 status=none; echo", true);
    return seconds([&] {
      give(size, [&](std::span<const std::byte> b) { process.stdin_sink().write(b, soon()); });
      process.stdin_sink().close();
      take(1, [&](std::span<std::byte> b) { return process.stdout_source().read(b, soon()); });
    });
  }
  long resident_kib() {
    return static_cast<long>(client_.probe(ByteSize(0), ByteSize(0), soon()).bytes() / 1024);
  }
  double probe(std::size_t to_guest, std::size_t from_guest) {
    return seconds([&] { client_.probe(ByteSize(to_guest), ByteSize(from_guest), soon()); });
  }
  double exec_true() {
    return seconds([&] {
      auto process =
          client_.spawn({.args = {"/bin/true"}, .stdout_mode = agent::Stdio::pipe}, soon());
      process.wait(soon());
    });
  }
  /// Of the shell's loop, for one.
  double shell_true(int count) {
    const std::string number = std::to_string(count);
    return seconds([&] {
             output("i=0; while [ $i -lt " + number + " ]; do /bin/true; i=$((i+1)); done");
           }) /
           count;
  }

 private:
  vm::Machine machine_;
  agent::Client client_;
};

}  // namespace

int main(int argc, char** argv) try {
  const int count = argc == 5 ? std::atoi(argv[4]) : 0;
  if (count < 1) return std::fputs("usage: bench_agent KERNEL MODULES DISK COUNT\n", stderr), 2;

  const os::TemporaryDirectory folder("/tmp", "vmkit-bench");
  const auto disk = folder.path() / "disk";
  disk::clone(argv[3], disk);
  const auto other_disk = folder.path() / "other";
  std::ofstream(other_disk).close();
  std::filesystem::resize_file(other_disk, 64 * mebibyte);

  // As the machine of a container.
  vm::MachineConfig config;
  config.boot.image = argv[1];
  config.ports = {{.name = std::string(agent::port_name)}};
  auto initramfs = agent::build_initramfs({.modules_directory = argv[2]});
  config.boot.initrd = initramfs;
  config.disks = {{.path = disk, .identifier = "vmkit-root", .sync = vm::DiskSync::none}};
  vm::MachineConfig raw_config = config;
  raw_config.boot.initrd = with_init(std::move(initramfs));
  raw_config.disks[0].path = other_disk;

  const auto backend = vm::make_qemu_backend();
  std::vector<double> raw_out, raw_in, probe_out, probe_in, out, in, exec, shell;
  long resident = 0;
  {
    RawMachine raw(*backend, raw_config);
    AgentMachine ours(*backend, config);
    ours.from_guest(mebibyte);
    ours.to_guest(mebibyte);
    ours.shell_true(5);
    for (int i = 0; i < count; ++i) {
      raw_out.push_back(transfer_mebibytes / raw.from_guest(transfer));
      probe_out.push_back(transfer_mebibytes / ours.probe(0, transfer));
      out.push_back(transfer_mebibytes / ours.from_guest(transfer));
      raw_in.push_back(transfer_mebibytes / raw.to_guest(transfer));
      probe_in.push_back(transfer_mebibytes / ours.probe(transfer, 0));
      in.push_back(transfer_mebibytes / ours.to_guest(transfer));
      for (int j = 0; j < 10; ++j) exec.push_back(1000 * ours.exec_true());
      shell.push_back(1000 * ours.shell_true(10));
    }
    resident = ours.resident_kib();
  }
  const auto ratio = [](const std::vector<double>& a, const std::vector<double>& b) {
    return median(a) / median(b);
  };
  std::printf(
      "{\"count\": %d, \"out_mib_s\": {\"raw\": %.0f, \"stream\": %.0f, \"process\": %.0f, "
      "\"stream_ratio\": %.2f},\n \"in_mib_s\": {\"raw\": %.0f, \"stream\": %.0f, \"process\": "
      "%.0f, \"stream_ratio\": %.2f},\n \"exec_ms\": {\"agent\": %.2f, \"shell\": %.2f, "
      "\"ratio\": %.2f},\n \"agent\": {\"resident_kib\": %ld}}\n",
      count, median(raw_out), median(probe_out), median(out), ratio(probe_out, raw_out),
      median(raw_in), median(probe_in), median(in), ratio(probe_in, raw_in), median(exec),
      median(shell), ratio(exec, shell), resident);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_agent: %s\n", error.what());
  return 1;
}
