// SPDX-License-Identifier: Apache-2.0
// Processes on a real machine with the real Debian image: bytes, statuses, signals, users.
#include <algorithm>
#include <array>
#include <atomic>
#include <doctest/doctest.h>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/demo.hpp"
#include "support/errors.hpp"
#include "support/programs.hpp"
#include "support/run_in.hpp"
#include "support/test_image.hpp"

#include <vmkit/base/digest.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/disk/usage.hpp>

using namespace vmkit;
using namespace std::chrono_literals;
using container::Container;
using test::check_error;
using test::Demo;
using test::finish;
using test::Finished;
using test::run_in;
using test::shell_in;

namespace {

/// One machine for all cases: they must not change what others look at.
Container& box() {
  static Container started = [] {
    auto container = Container::create(Demo::get().container_options());
    container.start();
    return container;
  }();
  return started;
}

std::string expected_yes(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "0123456789abcdef\n";
  text.resize(size);
  return text;
}

}  // namespace

TEST_CASE("process: output, error output, exit status") {
  const auto result = shell_in(box(), "echo out; echo err >&2; exit 7");
  CHECK(result.out == "out\n");
  CHECK(result.err == "err\n");
  CHECK(result.status == agent::ExitStatus{7, 0});
}

TEST_CASE("process: the image's own command, environment and files") {
  const auto result = run_in(box(), {});
  CHECK(result.out.find("ID=debian\n") != std::string::npos);
  CHECK(result.out.find("\n" + box().kernel_release() + "\n") != std::string::npos);
  CHECK(result.out.find("\napt ") != std::string::npos);
  CHECK(result.status == agent::ExitStatus{0, 0});
  CHECK(shell_in(box(), "echo $DEMO").out == "1\n");
  CHECK(run_in(box(), {.args = {"sh", "-c", "echo $DEMO:$X"}, .env = {"DEMO=2", "X=y"}}).out ==
        "2:y\n");
}

TEST_CASE("process: the second layer changed, added and removed what it says") {
  const auto result =
      shell_in(box(), "hi; ls -d /usr/share/doc; stat -c '%U %a' /usr/local/bin/hello");
  CHECK(result.out.find(", kernel " + box().kernel_release()) != std::string::npos);
  CHECK(result.out.ends_with("root 755\n"));
  CHECK(result.err.find("/usr/share/doc") != std::string::npos);
}

TEST_CASE("process: 50 MiB of output arrive byte for byte") {
  const std::size_t size = 50 << 20;
  auto process = box().exec(
      {.args = {"/bin/sh", "-c", "yes 0123456789abcdef | head -c " + std::to_string(size)}});
  const auto result = finish(process);
  CHECK(result.status == agent::ExitStatus{0, 0});
  REQUIRE(result.out.size() == size);
  CHECK(result.out == expected_yes(size));
}

TEST_CASE("process: 10 MiB of input arrive byte for byte") {
  std::string input(10 << 20, '\0');
  std::uint32_t state = 1;
  for (char& byte : input) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  auto process = box().exec({.args = {"sha256sum"}, .stdin_mode = agent::Stdio::pipe});
  process.stdin_sink().write(std::as_bytes(std::span(input)));
  process.stdin_sink().close();
  const auto result = finish(process);
  CHECK(result.out == digest_of(input).hex() + "  -\n");
  CHECK(result.status == agent::ExitStatus{0, 0});
}

TEST_CASE("process: death by signal, its own and ours") {
  CHECK(shell_in(box(), "kill -9 $$").status == agent::ExitStatus{0, 9});
  auto process = box().exec({.args = {"sleep", "1000"}});
  check_error(Errc::timeout, {}, [&] { process.wait(CallOptions{}.with_timeout(10ms)); });
  process.signal("TERM");
  CHECK(process.wait(CallOptions{}.with_timeout(30s)) == agent::ExitStatus{0, 15});
  CHECK(process.wait() == agent::ExitStatus{0, 15});  // once more, the same
  check_error(Errc::failed_precondition, {}, [&] { process.signal("9"); });
}

TEST_CASE("process: two at once, one silent, one talking") {
  auto sleeper = box().exec(
      {.args = {"sh", "-c", "read line; echo got $line"}, .stdin_mode = agent::Stdio::pipe});
  CHECK(shell_in(box(), "echo talking").out == "talking\n");
  sleeper.stdin_sink().write(std::as_bytes(std::span("word\n", 5)));
  CHECK(finish(sleeper).out == "got word\n");
}

TEST_CASE("process: one whose output nobody reads does not hold up another") {
  auto flood = box().exec({.args = {"yes"}});
  std::this_thread::sleep_for(200ms);
  CHECK(shell_in(box(), "head -c 3000000 /dev/zero | wc -c").out == "3000000\n");
  flood.signal("KILL");
  CHECK(flood.wait(CallOptions{}.with_timeout(30s)) == agent::ExitStatus{0, 9});
}

TEST_CASE("process: an ordinary user with the groups of the image") {
  const auto result =
      run_in(box(), {.args = {"sh", "-c", "id; echo $HOME; touch /etc/x"}, .user = "demo"});
  CHECK(result.out == "uid=1000(demo) gid=1000(demo) groups=1000(demo),2000(extra)\n/home/demo\n");
  CHECK(result.err.find("Permission denied") != std::string::npos);
  CHECK(run_in(box(), {.args = {"id", "-u"}, .user = "1234:5678"}).out == "1234\n");
  check_error(
      Errc::invalid_argument, {"nobody-here"},
      [] { box().exec({.args = {"id"}, .user = "nobody-here"}); }, ENOENT);
}

TEST_CASE("process: its own HOME, and a PATH to look for the program in") {
  CHECK(run_in(box(), {.args = {"sh", "-c", "echo $HOME"}, .env = {"HOME=/elsewhere"}}).out ==
        "/elsewhere\n");
  shell_in(box(),
           "mkdir -p /opt/own && printf '#!/bin/sh\necho own\n' >/opt/own/tool && "
           "chmod 755 /opt/own/tool");
  CHECK(run_in(box(), {.args = {"tool"}, .env = {"PATH=/nowhere:/opt/own"}}).out == "own\n");
  check_error(Errc::not_found, {"tool"}, [] { box().exec({.args = {"tool"}}); });
}

TEST_CASE("process: two dozen at once, each with its own output and status") {
  std::vector<std::future<bool>> all;
  for (int i = 0; i < 24; ++i) {
    all.push_back(std::async(std::launch::async, [i] {
      const auto result = shell_in(
          box(), "yes " + std::to_string(i) + " | head -c 10000; exit " + std::to_string(i));
      std::string expected;
      while (expected.size() < 10000) expected += std::to_string(i) + "\n";
      expected.resize(10000);
      return result.out == expected && result.status == agent::ExitStatus{i, 0};
    }));
  }
  CHECK(std::count_if(all.begin(), all.end(), [](auto& one) { return one.get(); }) == 24);
}

TEST_CASE("process: working folder, made if it is missing") {
  CHECK(run_in(box(), {.args = {"pwd"}, .working_directory = "/usr/share"}).out == "/usr/share\n");
  CHECK(run_in(box(), {.args = {"pwd"}, .working_directory = "/new/folder"}).out ==
        "/new/folder\n");
  check_error(
      Errc::failed_precondition, {"working directory", "/etc/passwd/x"},
      [] { box().exec({.args = {"pwd"}, .working_directory = "/etc/passwd/x"}); }, ENOTDIR);
}

TEST_CASE("process: a program that is not there, or is none, is an error of its own") {
  check_error(
      Errc::not_found, {"no-such-program"}, [] { box().exec({.args = {"no-such-program"}}); },
      ENOENT);
  check_error(
      Errc::not_found, {"/no/such"}, [] { box().exec({.args = {"/no/such"}}); }, ENOENT);
  check_error(
      Errc::permission_denied, {"/etc/passwd"}, [] { box().exec({.args = {"/etc/passwd"}}); },
      EACCES);
}

TEST_CASE("process: on a terminal, with sizes, Ctrl-C and one order of all that is written") {
  auto process = box().exec(
      {.args =
           {"sh", "-c",
            "tty; stty size; echo $TERM; for i in 1 2 3; do echo out $i; echo err $i >&2; done; "
            "trap 'stty size; echo sized' WINCH; trap 'echo interrupted; exit 6' INT; "
            "echo ready; while :; do sleep 0.05; done"},
       .stdin_mode = agent::Stdio::pipe,
       .terminal = agent::TerminalSize{33, 101}});
  const auto read_until = [&](const std::string& words) {
    std::string text;
    std::byte buffer[4096];
    while (text.find(words) == std::string::npos) {
      const auto count = process.stdout_source().read(buffer, CallOptions{}.with_timeout(30s));
      REQUIRE_MESSAGE(count != 0, text);
      text.append(reinterpret_cast<const char*>(buffer), count);
    }
    return text;
  };
  CHECK(read_until("ready\r\n") ==
        "/dev/pts/0\r\n33 101\r\nxterm\r\nout 1\r\nerr 1\r\nout 2\r\nerr 2\r\nout 3\r\nerr "
        "3\r\nready\r\n");
  process.resize({40, 132});
  CHECK(read_until("sized\r\n") == "40 132\r\nsized\r\n");
  process.stdin_sink().write(std::as_bytes(std::span("\x03", 1)));
  CHECK(read_until("interrupted\r\n") == "^Cinterrupted\r\n");
  CHECK(process.wait(CallOptions{}.with_timeout(30s)) == agent::ExitStatus{6, 0});
}

TEST_CASE("process: what a container expects is mounted") {
  const auto result =
      shell_in(box(),
               "test -c /dev/null && test -r /proc/self/status && test -d /sys/class "
               "&& echo x >/dev/shm/x && cat /dev/shm/x && ls /sys/class/net");
  CHECK(result.out == "x\nlo\n");
}

TEST_CASE("process: a hundred in a row leave nothing behind in the guest") {
  const std::string count = "ls /proc | grep -c '^[0-9]'";
  const int before = std::stoi(shell_in(box(), count).out);
  for (int i = 0; i < 100; ++i) {
    auto process = box().exec({.args = {"/bin/true"}});
    REQUIRE(process.wait(CallOptions{}.with_timeout(30s)).exited());
  }
  CHECK(std::stoi(shell_in(box(), count).out) <= before + 2);
}

TEST_CASE(
    "container: what the guest trims is free on the host; stop, and wait tells how it ended") {
  const auto options = Demo::get().container_options();
  auto container = Container::create(options);
  check_error(Errc::failed_precondition, {"start()"}, [&] { container.exec(); });
  container.start();
  CHECK(container.state() == vm::MachineState::running);
  const auto allocated = [&] {
    const std::array disks{options.folder / "disk.ext4"};
    return disk::usage(disks).total;
  };
  const ByteSize before = allocated();
  CHECK(shell_in(container, "head -c 50000000 /dev/urandom >/big && sync").status.code == 0);
  const ByteSize full = allocated();
  CHECK(full > before + 45_MiB);
  const Finished trim = run_in(
      container, {.args = {"sh", "-c", "rm /big && sync && fstrim -v /"}, .privileged = true});
  CAPTURE(trim.err);
  CHECK(trim.out.find("trimmed") != std::string::npos);
  CHECK(allocated() < before + 5_MiB);
  CHECK(shell_in(container, "echo saved >/root/file; sync; cat /root/file").out == "saved\n");
  container.stop();
  CHECK(container.state() == vm::MachineState::stopped);
  CHECK(container.wait().reason == vm::MachineEventReason::guest_stopped);
  container.stop();  // again is nothing
  check_error(Errc::unavailable, {}, [&] { container.exec(); });
}

TEST_CASE("container: two at once have disks of their own; the end does not wait for anything") {
  auto first = Container::create(Demo::get().container_options());
  std::optional<Container> made(Container::create(Demo::get().container_options()));
  Container& second = *made;
  CHECK(second.timeline().unpack == 0ns);  // cached
  std::thread other([&] { second.start(); });
  first.start();
  other.join();
  CHECK(shell_in(first, "echo one >/file; cat /file").out == "one\n");
  CHECK(shell_in(second, "cat /file").status == agent::ExitStatus{1, 0});
  // Clones that do not take themselves for each other.
  for (const auto& row : {std::pair{"cat /etc/machine-id", 33U},
                          {"hostname; grep -c $(hostname) /etc/hosts", 15U},
                          {"cat /proc/sys/kernel/random/boot_id", 37U},
                          {"head -c 32 /dev/urandom | sha256sum", 68U}}) {
    CAPTURE(row.first);
    const std::string one = shell_in(first, row.first).out;
    CHECK(one.size() == row.second);
    CHECK(one != shell_in(second, row.first).out);
  }
  first.kill();
  CHECK(shell_in(second, "echo alive").out == "alive\n");
  auto process = second.exec({.args = {"sleep", "1000"}});
  const auto begin = std::chrono::steady_clock::now();
  made.reset();
  CHECK(std::chrono::steady_clock::now() - begin < 400ms);
  check_error(Errc::unavailable, {}, [&] { process.wait(); });
}

/// A container of an image that has nothing but busybox, in a folder with a long name.
container::ContainerOptions busybox_options() {
  auto options = Demo::get().container_options();
  const auto root = Demo::get().folder() / "busybox";
  REQUIRE_MESSAGE(
      std::filesystem::exists("/bin/busybox"),
      "missing: /bin/busybox; installed by scripts/install-deps, which scripts/test runs");
  std::filesystem::create_directories(root / "bin");
  std::filesystem::copy_file("/bin/busybox", root / "bin/busybox");
  std::istringstream names(test::run_program({"/bin/busybox", "--list"}));
  for (std::string name; std::getline(names, name);) {
    if (name != "busybox") std::filesystem::create_symlink("busybox", root / "bin" / name);
  }
  options.image = test::import_folder(root, options.store, options.image.platform.architecture);
  options.folder = options.folder.parent_path() / std::string(200, 'b');
  return options;
}

TEST_CASE(
    "container: of busybox alone, without a console; a second start is refused and does the first "
    "no harm") {
  auto options = busybox_options();
  options.console = false;
  auto container = Container::create(std::move(options));
  std::atomic<int> refused{0};
  std::vector<std::thread> starters;
  for (int i = 0; i < 3; ++i) {
    starters.emplace_back([&] {
      try {
        container.start();
      } catch (const Error& error) {
        CHECK_MESSAGE(error.code() == Errc::failed_precondition, error.what());
        ++refused;
      }
    });
  }
  for (std::thread& starter : starters) starter.join();
  CHECK(refused == 2);
  check_error(Errc::failed_precondition, {"start", "running"}, [&] { container.start(); });
  CHECK(shell_in(container, "echo alive").out == "alive\n");
  CHECK(container.console_tail(10).empty());

  // No /etc/passwd, no /tmp, no libc.
  CHECK(run_in(container, {.args = {"sh", "-c", "id; echo $HOME; pwd; hostname | wc -c; ls /"},
                           .working_directory = "/made/for/it",
                           .user = "1234:5678"})
            .out ==
        "uid=1234 gid=5678\n/\n/made/for/it\n13\nbin\ndev\netc\nlost+found\nmade\nproc\nsys\n");
  check_error(
      Errc::invalid_argument, {"no-user"},
      [&] { container.exec({.args = {"id"}, .user = "no-user"}); }, ENOENT);
  check_error(
      Errc::not_found, {"/bin/bash"}, [&] { container.exec({.args = {"/bin/bash"}}); }, ENOENT);
  auto terminal = container.exec({.args = {"sh", "-c", "stty size; read line; echo got $line"},
                                  .stdin_mode = agent::Stdio::pipe,
                                  .terminal = agent::TerminalSize{33, 101}});
  terminal.stdin_sink().write(std::as_bytes(std::span("this\r", 5)));
  const std::string shown = test::read_all(terminal.stdout_source());
  CHECK(shown.find("33 101\r\n") != std::string::npos);
  CHECK(shown.ends_with("got this\r\n"));
  container.files().write("/etc/new", "text\n");
  CHECK(shell_in(container, "cat /etc/new; trap 'exit 4' TERM; kill -TERM $$").status ==
        agent::ExitStatus{4, 0});
  CHECK(shell_in(container, "ps | grep -c '[v]mkit-init'; mount -t tmpfs x /bin").status.code == 1);
  container.stop();
  CHECK(container.wait().reason == vm::MachineEventReason::guest_stopped);
}

TEST_CASE("container: exec, stop and kill from many threads end soon, all with an answer") {
  auto container = std::make_unique<Container>(Container::create(Demo::get().container_options()));
  container->start();
  Container moved(std::move(*container));
  container.reset();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      try {
        for (int round = 0; round < 1000; ++round) shell_in(moved, "echo x");
      } catch (const Error& error) {
        CHECK_MESSAGE((error.code() == Errc::unavailable), error.what());
      }
    });
  }
  std::this_thread::sleep_for(100ms);
  threads.emplace_back([&] { moved.stop(5s); });
  threads.emplace_back([&] { moved.stop(5s); });
  threads.emplace_back([&] {
    std::this_thread::sleep_for(20ms);
    moved.kill();
  });
  for (std::thread& thread : threads) thread.join();
  CHECK(moved.state() == vm::MachineState::stopped);
}

TEST_CASE("container: the destructor removes the folder") {
  auto options = Demo::get().container_options();
  {
    const auto container = Container::create(options);
    CHECK(std::filesystem::exists(options.folder / "disk.ext4"));
  }
  CHECK_FALSE(std::filesystem::exists(options.folder));
}
