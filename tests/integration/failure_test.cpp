// SPDX-License-Identifier: Apache-2.0
// What goes wrong on the whole path, provoked for real: the error says what and why, and nothing is
// left behind.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "support/demo.hpp"
#include "support/errors.hpp"

#include <vmkit/container/container.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/vm/qemu_backend.hpp>

using namespace vmkit;
using namespace std::chrono_literals;
using container::Container;
using test::check_error;
using test::Demo;

namespace {

void pull(const std::string& reference, const oci::PullOptions& options = {}) {
  auto store = Demo::get().store();
  oci::pull(Demo::get().client(), store, oci::Reference::parse(reference), options);
}

std::size_t entries_of(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder)) return 0;
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// Starts a container of these options, which must fail as told and leave no folder.
void check_start_error(container::ContainerOptions options, Errc code,
                       std::initializer_list<std::string_view> words) {
  const auto folder = options.folder;
  check_error(code, words, [&] {
    auto box = Container::create(std::move(options));
    box.start();
  });
  CHECK_FALSE(std::filesystem::exists(folder));
}

}  // namespace

TEST_CASE("failure: no such repository, tag or platform; no such registry") {
  const std::string registry = Demo::get().reference().substr(0, Demo::get().reference().find('/'));
  check_error(Errc::not_found, {registry + "/nothing:demo"},
              [&] { pull(registry + "/nothing:demo"); });
  check_error(Errc::not_found, {registry + "/debian:none"},
              [&] { pull(registry + "/debian:none"); });
  check_error(Errc::unsupported, {"linux/s390x", "linux/"}, [&] {
    pull(Demo::get().reference(), {.platform = oci::Platform::parse("linux/s390x")});
  });
  check_error(Errc::unavailable, {"127.0.0.1:1"}, [&] { pull("127.0.0.1:1/debian:demo"); });
  CHECK(Demo::get().store().list().size() == 1);
}

TEST_CASE("failure: a disk that is too small for the image") {
  auto options = Demo::get().container_options();
  options.disk_size = 64_MiB;
  const auto before = entries_of(options.store.root() / "rootfs");
  check_start_error(options, Errc::resource_exhausted, {"64 MiB"});
  CHECK(entries_of(options.store.root() / "rootfs") <= before + 1);  // a lock file may stay
}

TEST_CASE("failure: a folder that exists is not touched") {
  auto options = Demo::get().container_options();
  std::filesystem::create_directories(options.folder);
  std::ofstream(options.folder / "mine") << "x";
  check_error(Errc::already_exists, {options.folder.string()}, [&] { Container::create(options); });
  CHECK(std::filesystem::exists(options.folder / "mine"));
}

TEST_CASE("failure: no QEMU, no kernel, a kernel that is none") {
  auto options = Demo::get().container_options();
  options.backend = vm::make_qemu_backend({.binary = "/nowhere/qemu"});
  check_start_error(options, Errc::not_found, {"/nowhere/qemu"});

  options = Demo::get().container_options();
  options.kernel.image = "/nowhere/vmlinuz";
  check_start_error(options, Errc::not_found, {"/nowhere/vmlinuz"});

  options = Demo::get().container_options();
  options.kernel.image = "/etc/passwd";
  check_start_error(options, Errc::invalid_argument, {"/etc/passwd"});
}

TEST_CASE("failure: a kernel without virtio") {
  SUBCASE("whose modules do not have it") {
    auto options = Demo::get().container_options();
    const auto modules = Demo::get().folder() / "no-modules";
    std::filesystem::create_directories(modules);
    std::ofstream(modules / "modules.dep");
    options.kernel.modules = modules;
    check_start_error(options, Errc::failed_precondition, {"virtio"});
  }
  SUBCASE("whose modules were not given: the agent finds no channel and says so") {
    auto options = Demo::get().container_options();
    options.kernel.modules.clear();
    check_start_error(options, Errc::unavailable, {"vmkit-agent", "virtio"});
  }
}

TEST_CASE("failure: a kernel that panics before the agent") {
  auto options = Demo::get().container_options();
  options.kernel.command_line = "rdinit=/nothing init=/nothing";
  check_start_error(options, Errc::unavailable, {"guest_crashed", "panic"});
}

TEST_CASE("failure: a machine that does not reach its agent in time") {
  auto options = Demo::get().container_options();
  options.boot_limit = 250ms;
  check_start_error(options, Errc::timeout, {"within 250 ms", "console"});
}

TEST_CASE("failure: a guest that dies under a running process") {
  auto options = Demo::get().container_options();
  options.isolation.privileged = true;  // may crash its kernel
  auto box = Container::create(std::move(options));
  box.start();
  auto sleeper = box.exec({.args = {"sleep", "1000"}});
  auto killer = box.exec({.args = {"sh", "-c", "echo c >/proc/sysrq-trigger"}});
  check_error(Errc::unavailable, {"guest_crashed", "panic"},
              [&] { sleeper.wait(CallOptions{}.with_timeout(60s)); });
  CHECK(box.wait().reason == vm::MachineEventReason::guest_crashed);
  check_error(Errc::unavailable, {"guest_crashed"}, [&] { box.exec({.args = {"true"}}); });
}

TEST_CASE("failure: a machine that is killed under processes, one of them fed, says so to all") {
  const std::vector<std::byte> much(128 << 20);
  for (int i = 0; i < 5; ++i) {
    auto box = Container::create(Demo::get().container_options());
    box.start();
    auto eater =
        box.exec({.args = {"sh", "-c", "cat >/dev/null"}, .stdin_mode = agent::Stdio::pipe});
    auto sleeper = box.exec({.args = {"sleep", "1000"}});
    std::thread waiter([&] {
      check_error(Errc::unavailable, {"killed"},
                  [&] { sleeper.wait(CallOptions{}.with_timeout(60s)); });
    });
    std::thread killer([&] {
      std::this_thread::sleep_for(50ms);
      box.kill();
    });
    check_error(Errc::unavailable, {"the machine has ended (killed)"},
                [&] { eater.stdin_sink().write(much); });
    killer.join();
    waiter.join();
  }
}

TEST_CASE("failure: a stop during the boot is heard within a tenth of a second") {
  auto box = Container::create(Demo::get().container_options());
  StopSource source;
  std::chrono::steady_clock::time_point stopped;
  std::thread stopper([&] {
    std::this_thread::sleep_for(200ms);
    stopped = std::chrono::steady_clock::now();
    source.request_stop();
  });
  check_error(Errc::cancelled, {}, [&] { box.start({.stop = source.token()}); });
  stopper.join();
  CHECK(std::chrono::steady_clock::now() - stopped < 300ms);  // with room for a busy host
}

TEST_CASE("failure: a stop while unpacking, while booting, while a process runs") {
  for (const auto delay : {1ms, 20ms, 100ms, 400ms, 900ms}) {
    CAPTURE(delay.count());
    auto options = Demo::get().container_options();
    options.disk_size = ByteSize((17ULL << 30) + static_cast<std::uint64_t>(delay.count()) * 4096);
    const auto folder = options.folder;
    StopSource source;
    std::thread stopper([&] {
      std::this_thread::sleep_for(delay);
      source.request_stop();
    });
    check_error(Errc::cancelled, {}, [&] {
      const CallOptions call{.stop = source.token()};
      auto box = Container::create(options, call);
      box.start(call);
      auto process = box.exec({.args = {"sleep", "1000"}}, call);
      process.wait(call);
    });
    stopper.join();
    CHECK_FALSE(std::filesystem::exists(folder));
  }
}
