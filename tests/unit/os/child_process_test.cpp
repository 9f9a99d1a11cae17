// SPDX-License-Identifier: Apache-2.0
#include "os/child_process.hpp"

#include <chrono>
#include <doctest/doctest.h>
#include <signal.h>
#include <thread>
#include <unistd.h>

#include "os/file.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace vmkit::os;
using namespace std::chrono_literals;
using vmkit::test::check_error;

namespace {
SpawnOptions shell(std::string script) {
  return {.arguments = {"/bin/sh", "-c", std::move(script)}};
}

bool is_running(pid_t pid) {
  return ::kill(pid, 0) == 0;
}
}  // namespace

TEST_CASE("child process: output, exit status, signal") {
  const Output output = run(shell("echo out; echo err >&2; exit 7"), 1_KiB);
  CHECK(output.out == "out\n");
  CHECK(output.err == "err\n");
  CHECK(output.status == ExitStatus{7, 0});
  CHECK(to_string(output.status) == "exited with status 7");
  CHECK(run(shell("kill -9 $$"), 1_KiB).status == ExitStatus{0, 9});
}

TEST_CASE("child process: environment, folder and standard input are what was asked for") {
  SpawnOptions options = shell("echo $A:$HOME:$LONG; pwd; cat");
  const std::string value(1000, 'x');  // too long to survive by luck in freed memory
  options.environment = {"A=b", "LONG=" + value};
  options.working_directory = "/usr";
  CHECK(run(options, 4_KiB).out == "b::" + value + "\n/usr\n");
}

TEST_CASE("child process: descriptors do not leak, but for those named") {
  const DescriptorPair named = make_pipe();
  const DescriptorPair other = make_pipe();
  const int plain = ::dup(other.second.get());  // not close-on-exec
  SpawnOptions options = shell("for fd in /proc/self/fd/*; do echo ${fd##*/}; done");
  options.inherited = {named.second.get()};
  const std::string out = run(options, 4_KiB).out;
  CHECK(out.find(std::to_string(named.second.get()) + "\n") != std::string::npos);
  CHECK(out.find("\n" + std::to_string(plain) + "\n") == std::string::npos);
  ::close(plain);
}

TEST_CASE("child process: a program that cannot run is an error that names it") {
  check_error(Errc::not_found, {"/nowhere/x"},
              [] { ChildProcess::spawn({.arguments = {"/nowhere/x"}}); });
  check_error(Errc::permission_denied, {"/etc/passwd"},
              [] { ChildProcess::spawn({.arguments = {"/etc/passwd"}}); });
  check_error(Errc::invalid_argument, {"expected a program"}, [] { ChildProcess::spawn({}); });
}

TEST_CASE("child process: waits end at deadline and stop, and the child goes on") {
  ChildProcess child = ChildProcess::spawn(shell("sleep 100"));
  check_error(Errc::timeout, {"child process"},
              [&] { child.wait(CallOptions{}.with_timeout(20ms)); });
  StopSource source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    source.request_stop();
  });
  check_error(Errc::cancelled, {"child process"}, [&] { child.wait({.stop = source.token()}); });
  stopper.join();
  CHECK_FALSE(child.poll());
  CHECK(child.terminate(5s) == ExitStatus{0, SIGTERM});
}

TEST_CASE("child process: one that ignores SIGTERM is killed after the grace time") {
  ChildProcess child = ChildProcess::spawn(shell("trap '' TERM; while true; do sleep 0.01; done"));
  std::this_thread::sleep_for(50ms);
  CHECK(child.terminate(50ms) == ExitStatus{0, SIGKILL});
}

TEST_CASE("child process: the destructor leaves nothing running") {
  pid_t pid;
  {
    const ChildProcess child = ChildProcess::spawn(shell("sleep 100"));
    pid = child.pid();
    CHECK(is_running(pid));
  }
  CHECK_FALSE(is_running(pid));
}

TEST_CASE("child process: dies with the thread that spawned it") {
  std::optional<ChildProcess> child;
  std::thread([&] {
    SpawnOptions options = shell("sleep 100");
    options.die_with_parent_thread = true;
    child = ChildProcess::spawn(options);
  }).join();
  CHECK(child->wait(CallOptions{}.with_timeout(10s)) == ExitStatus{0, SIGKILL});
}

TEST_CASE("child process: output beyond the limit is an error") {
  check_error(Errc::resource_exhausted, {"/bin/sh", "more than 1 KiB"},
              [] { run(shell("yes"), 1_KiB); });
}

TEST_CASE("child process: programs are found along a path") {
  CHECK(find_program("sh", "/nowhere:/bin") == std::filesystem::path("/bin/sh"));
  CHECK(find_program("/bin/sh", "") == std::filesystem::path("/bin/sh"));
  CHECK_FALSE(find_program("no-such-program", "/bin:/usr/bin"));
  CHECK_FALSE(find_program("passwd", "/etc"));
}
