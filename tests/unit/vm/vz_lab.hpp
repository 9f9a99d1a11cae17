// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "fake_vz/fake_vz.hpp"
#include "os/directory.hpp"
#include "vm/helper/backend.hpp"
#include "vm/helper/server.hpp"
#include "vm/vz/apple_framework.hpp"
#include "vm/vz/backend.hpp"

#include <vmkit/base/error.hpp>

// For tests of the backend for Virtualization.framework on a fake of it.

using namespace vmkit;
using namespace vmkit::vm;
using namespace std::chrono_literals;
using fake_vz::Guest;

/// A fresh world, a folder with a kernel and a disk, and a backend. At its end nothing is left of
/// what the framework made.
struct Lab {
  explicit Lab(VzOptions options = {}) {
    fake_vz::reset();
    write("Image", std::string(0x38, '\0') + "ARM\x64" + std::string(512 - 0x3c, '\0'));
    for (const char* disk : {"disk", "nvme", "usb"}) write(disk, std::string(4096, '\0'));
    std::filesystem::create_directory(folder.path() / "share");
    options.runtime_directory = folder.path();
    const auto make = [options] { return vz::make_backend(options, vz::make_apple_framework()); };
    backend = std::getenv("VMKIT_TEST_HELPER") == nullptr ? make() : behind_helpers(make);
  }

  ~Lab() {
    backend.reset();
    for (std::thread& helper : helpers) helper.join();
    CHECK(fake_vz::living_objects() == 0);
  }

  /// The same as a program has it whose machines live in helpers, which are threads here.
  std::shared_ptr<Backend> behind_helpers(std::function<std::shared_ptr<Backend>()> make) {
    const auto launch = [this, make] {
      os::DescriptorPair ends = os::make_socket_pair();
      const std::lock_guard lock(helpers_mutex);
      helpers.emplace_back([make, socket = ends.second.release()] {
        helper::serve(os::Descriptor(socket), [&](const auto&, const auto&) { return make(); });
      });
      return helper::Helper{std::move(ends.first)};
    };
    return helper::make_backend({.program = "in this process"}, launch);
  }

  std::filesystem::path write(const std::string& name, const std::string& content) {
    std::ofstream(folder.path() / name, std::ios::binary) << content;
    return folder.path() / name;
  }

  MachineConfig config() const {
    MachineConfig config;
    config.name = "m";
    config.architecture = Architecture::arm64;
    config.boot.image = folder.path() / "Image";
    config.boot_watchdog = 0ms;
    return config;
  }

  MachineConfig rich_config() const {
    MachineConfig rich = config();
    rich.cpu_count = 2;
    rich.boot.initrd = std::vector<std::byte>(16, std::byte{7});
    rich.boot.command_line = "root=/dev/vda";
    rich.disks = {{.path = folder.path() / "disk", .identifier = "root"},
                  {.path = folder.path() / "Image",
                   .read_only = true,
                   .caching = DiskCaching::uncached,
                   .sync = DiskSync::full},
                  {.path = folder.path() / "nvme", .device = DiskDevice::nvme},
                  {.path = folder.path() / "usb", .device = DiskDevice::usb}};
    rich.shares = {{.tag = "work", .path = folder.path() / "share", .read_only = true}};
    rich.ports = {{"agent"}, {"log"}};
    rich.networks = {{}, {.mac = "52:54:00:01:02:03"}};
    rich.balloon = rich.vsock = rich.nested_virtualization = rich.rosetta = true;
    return rich;
  }

  /// With what a machine for people has, and all kinds of networks but the descriptor.
  MachineConfig desktop_config() const {
    MachineConfig desktop = config();
    desktop.boot = {};
    desktop.firmware = Firmware{folder.path() / "variables"};
    desktop.disks = {
        {.nbd = "nbd://host/a", .sync = DiskSync::none},
        {.nbd = "nbd+unix:///b?socket=/s", .device = DiskDevice::usb, .read_only = true}};
    desktop.networks = {{.subnet = "192.168.77.0/24", .mtu = 9000},
                        {.kind = NetworkKind::host_only},
                        {.kind = NetworkKind::bridged, .interface = "en1"}};
    desktop.graphics = Graphics{1920, 1080};
    desktop.keyboard = desktop.pointing_device = desktop.usb_controller = true;
    desktop.clipboard = true;
    desktop.sound = Sound{.input = true};
    desktop.ports = {{"agent"}};
    return desktop;
  }

  os::TemporaryDirectory folder{std::filesystem::temp_directory_path(), "vmkit-vz-test"};
  std::mutex helpers_mutex;
  std::vector<std::thread> helpers;
  std::shared_ptr<Backend> backend;
};

inline std::shared_ptr<Guest> last_guest() {
  return fake_vz::guests().back();
}

/// True as soon as it is; false after five seconds.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

/// The error of a call, or one that says that there was none.
template <class Function>
Error error_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  return Error(Errc::internal, "no error");
}

inline bool contains(const Error& error, const std::string& words) {
  INFO(error.what());
  return std::string(error.what()).find(words) != std::string::npos;
}

/// The events of a machine in the order in which they come.
class Events {
 public:
  explicit Events(Machine& machine)
      : subscription_(machine.on_event([this](const MachineEvent& event) {
          std::lock_guard lock(mutex_);
          reasons_ += (reasons_.empty() ? "" : " ") + std::string(to_string(event.reason));
          if (event.reason == MachineEventReason::device_lost) lost_ = event.error->what();
        })) {}

  std::string reasons() {
    std::lock_guard lock(mutex_);
    return reasons_;
  }

  /// What is said of the device that was lost last.
  std::string lost() {
    std::lock_guard lock(mutex_);
    return lost_;
  }

 private:
  std::mutex mutex_;
  std::string reasons_;
  std::string lost_;
  EventSubscription subscription_;
};

inline std::string read_some(Stream& stream) {
  std::array<std::byte, 64> buffer;
  const std::size_t count = stream.read(buffer);
  return std::string(reinterpret_cast<const char*>(buffer.data()), count);
}

inline void write_text(Stream& stream, const std::string& text) {
  stream.write(std::as_bytes(std::span(text)));
}

inline std::string read_fd(int fd, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t have = 0; have < size;) {
    const ssize_t count = ::read(fd, text.data() + have, size - have);
    if (count <= 0) return text.substr(0, have);
    have += static_cast<std::size_t>(count);
  }
  return text;
}
