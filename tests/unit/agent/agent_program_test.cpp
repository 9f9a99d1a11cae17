// SPDX-License-Identifier: Apache-2.0
#include "unit/agent/agent_program.hpp"

#include <functional>
#include <string>
#include <thread>

#include "agent/json.hpp"
#include "agent/message.hpp"
#include "agent/preamble.hpp"
#include "agent/protocol.hpp"
#include "agent/yamux/engine.hpp"
#include "unit/agent/temp_dir.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/agent/seccomp.hpp>
#include <vmkit/base/digest.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;

TEST_CASE("hello tells version, kernel and architecture") {
  Session session;
  CHECK(session.client.info().protocol_version == 2);
  CHECK_FALSE(session.client.info().agent_version.empty());
  CHECK_FALSE(session.client.info().kernel_release.empty());
  CHECK_FALSE(session.client.info().root_mounted);
}

TEST_CASE("output, error and exit status come back apart") {
  Session session;
  auto process = session.client.spawn(shell("echo out; echo err >&2; exit 7"), soon());
  CHECK(process.pid() > 0);
  CHECK(read_all(process.stdout_source()) == "out\n");
  CHECK(read_all(process.stderr_source()) == "err\n");
  CHECK(process.wait(soon()) == ExitStatus{7, 0});
  CHECK(process.wait(soon()) == ExitStatus{7, 0});
  expect(Errc::failed_precondition, 0, "is no pipe", [&] { process.stdin_sink(); });
  expect(Errc::failed_precondition, 0, "process", [&] { process.signal("TERM", soon()); });
}

TEST_CASE("death by a signal is told as such; signals reach the process") {
  Session session;
  auto killed = session.client.spawn(shell("kill -9 $$"), soon());
  CHECK(killed.wait(soon()) == ExitStatus{0, 9});
  auto trapped = session.client.spawn(
      shell("trap 'echo usr1; exit 3' USR1; echo ready; while :; do sleep 0.01; done"), soon());
  std::vector<std::byte> buffer(6);
  CHECK(trapped.stdout_source().read(buffer, soon()) == 6);
  trapped.signal("USR1", soon());
  CHECK(read_all(trapped.stdout_source()) == "usr1\n");
  CHECK(trapped.wait(soon()) == ExitStatus{3, 0});
  expect(Errc::invalid_argument, 0, "no signal of Linux", [&] { trapped.signal("NOPE", soon()); });
}

TEST_CASE("processes start with default signals, nothing blocked and no descriptor of ours") {
  Session session;
  auto process = session.client.spawn(
      shell("grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; ls /proc/self/fd | wc -l"), soon());
  const std::string text = read_all(process.stdout_source());
  CHECK(text.find("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n") == 0);
  CHECK(text.ends_with("\n4\n"));  // 0, 1, 2 and the directory that ls reads
}

TEST_CASE("50 MiB of output arrive byte for byte") {
  Session session;
  const test::TempDir dir;
  std::string data(50 << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 31 + (i >> 13));
  dir.write("data", data);
  auto process =
      session.client.spawn({.args = {"/bin/cat", (dir.path() / "data").string()}}, soon());
  CHECK(digest_of(read_all(process.stdout_source())) == digest_of(data));
  CHECK(process.wait(soon()) == ExitStatus{0, 0});
}

TEST_CASE("10 MiB of input reach the process, and then the end") {
  Session session;
  std::string data(10 << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + (i >> 9));
  ProcessSpec spec = shell("sha256sum");
  spec.stdin_mode = Stdio::pipe;
  auto process = session.client.spawn(spec, soon());
  process.stdin_sink().write(std::as_bytes(std::span(data)), soon());
  process.stdin_sink().close();
  CHECK("sha256:" + read_all(process.stdout_source()).substr(0, 64) == digest_of(data).to_string());
}

TEST_CASE("a process that no longer reads breaks its input, not the session") {
  Session session;
  ProcessSpec spec = shell("exec <&-; echo closed; sleep 0.2");
  spec.stdin_mode = Stdio::pipe;
  auto process = session.client.spawn(spec, soon());
  std::vector<std::byte> block(100'000);
  expect(Errc::unavailable, 0, "closed the stream", [&] {
    for (;;) process.stdin_sink().write(block, soon());
  });
  CHECK(read_all(process.stdout_source()) == "closed\n");
  CHECK(process.wait(soon()) == ExitStatus{0, 0});
}

TEST_CASE("closing the output ends a process that writes for ever") {
  Session session;
  auto process = session.client.spawn(shell("exec cat /dev/zero"), soon());
  std::vector<std::byte> buffer(1000);
  CHECK(process.stdout_source().read(buffer, soon()) > 0);
  process.close_stdout(soon());
  CHECK(process.wait(soon()).signal == SIGPIPE);
}

TEST_CASE("a process that is not read does not stop another one") {
  Session session;
  auto stuck = session.client.spawn(shell("exec cat /dev/zero"), soon());
  auto other = session.client.spawn(shell("head -c 20000000 /dev/zero"), soon());
  CHECK(read_all(other.stdout_source()).size() == 20'000'000);
  CHECK(other.wait(soon()) == ExitStatus{0, 0});
  stuck.signal("KILL", soon());
  CHECK(stuck.wait(soon()) == ExitStatus{0, 9});
}

TEST_CASE("the exit is told while a grandchild still holds the pipe") {
  Session session;
  auto process = session.client.spawn(shell("(sleep 0.5; echo late) & exit 4"), soon());
  const auto start = Clock::now();
  CHECK(process.wait(soon()) == ExitStatus{4, 0});
  CHECK(Clock::now() - start < 400ms);
  CHECK(read_all(process.stdout_source()) == "late\n");
}

TEST_CASE("failures to start are told apart") {
  Session session;
  auto& client = session.client;
  const test::TempDir dir;
  dir.write("plain", "text");
  dir.write("script", "#!/no/such/interpreter\n");
  dir.write("binary", std::string("\0\1\2\3", 4));
  for (const char* name : {"script", "binary"}) {
    std::filesystem::permissions(dir.path() / name, std::filesystem::perms(0755));
  }
  const auto path = [&](const char* name) { return (dir.path() / name).string(); };
  expect(Errc::not_found, ENOENT, "\"no-such-program\"",
         [&] { client.spawn({.args = {"no-such-program"}}, soon()); });
  expect(Errc::not_found, ENOENT, "/no/such",
         [&] { client.spawn({.args = {"/no/such"}}, soon()); });
  expect(Errc::not_found, ENOENT, "interpreter",
         [&] { client.spawn({.args = {path("script")}}, soon()); });
  expect(Errc::permission_denied, EACCES, "executed",
         [&] { client.spawn({.args = {path("plain")}}, soon()); });
  expect(Errc::permission_denied, EACCES, "executed",
         [&] { client.spawn({.args = {dir.path().string()}}, soon()); });
  expect(Errc::permission_denied, ENOEXEC, "executed",
         [&] { client.spawn({.args = {path("binary")}}, soon()); });
  expect(Errc::permission_denied, EACCES, "executed", [&] {
    client.spawn({.args = {"plain"}, .env = {"PATH=/nowhere:" + dir.path().string()}}, soon());
  });
  expect(Errc::invalid_argument, ENOENT, "user \"nobody-at-all\" is not in the image's /etc/passwd",
         [&] { client.spawn({.args = {"sh"}, .user = "nobody-at-all"}, soon()); });
  expect(Errc::invalid_argument, ENOENT, "group \"no-group\"",
         [&] { client.spawn({.args = {"sh"}, .user = "root:no-group"}, soon()); });
  expect(Errc::failed_precondition, ENOTDIR, "working directory", [&] {
    client.spawn({.args = {"sh"}, .working_directory = path("plain") + "/x"}, soon());
  });
  expect(Errc::failed_precondition, EINVAL, "absolute",
         [&] { client.spawn({.args = {"sh"}, .working_directory = "relative"}, soon()); });
  expect(Errc::invalid_argument, 0, "at least one", [&] { client.spawn({.args = {}}, soon()); });
  auto after = client.spawn(shell("echo fine"), soon());
  CHECK(read_all(after.stdout_source()) == "fine\n");
}

TEST_CASE("what a process may do is set before its program runs") {
  Session session;
  auto& client = session.client;
  const auto output = [&](ProcessSpec spec) {
    auto process = client.spawn(spec, soon());
    return read_all(process.stdout_source());
  };
  auto limited = shell(
      "umask; ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; "
      "grep NoNewPrivs /proc/self/status | cut -f2");
  limited.umask = 027;
  limited.rlimits = {{"nofile", 100, 200}, {"CORE", 0, 0}};
  limited.oom_score_adj = 700;
  limited.no_new_privileges = true;
  CHECK(output(limited) == "0027\n100\n200\n0\n700\n1\n");
  // Two instructions: everything is allowed, but a change of the file mode creation mask kills.
  auto filtered = shell("umask 0; echo not reached");
  filtered.no_new_privileges = true;
  filtered.seccomp_mode = SeccompMode::own;
  filtered.seccomp = compile_seccomp(
      R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["umask"],"action":"SCMP_ACT_KILL_PROCESS"}]})");
  auto process = client.spawn(filtered, soon());
  CHECK(process.wait(soon()) == ExitStatus{0, 31});  // SIGSYS
  auto unknown = shell("true");
  unknown.groups = {"no-such-group-here"};
  expect(Errc::invalid_argument, 0, "group \"no-such-group-here\"",
         [&] { client.spawn(unknown, soon()); });
  expect(Errc::failed_precondition, 0, "no machine",
         [&] { client.create_container({.root = {.serial = "x"}}, soon()); });
  const auto list = client.top(soon());
  CHECK(std::any_of(list.begin(), list.end(), [](const RunningProcess& entry) {
    return entry.command[0].find("vmkit_guest_agent") != std::string::npos;
  }));
  CHECK_FALSE(client.statistics(soon()).network.empty());
}

TEST_CASE("environment, working directory and search path are the process's own") {
  Session session;
  const test::TempDir dir;
  dir.write("tool", "#!/bin/sh\necho \"$0 $1 $A-$HOME\"; pwd\n");
  std::filesystem::permissions(dir.path() / "tool", std::filesystem::perms(0755));
  const std::string made = (dir.path() / "made" / "deep").string();
  auto process =
      session.client.spawn({.args = {"tool", "x y"},
                            .env = {"A=b=c", "HOME=/h", "PATH=/nowhere:" + dir.path().string()},
                            .working_directory = made},
                           soon());
  CHECK(read_all(process.stdout_source()) ==
        (dir.path() / "tool").string() + " x y b=c-/h\n" + made + "\n");
}

TEST_CASE("the caller's own user can be asked for by number") {
  Session session;
  ProcessSpec spec = shell("id -u");
  spec.user = std::to_string(::geteuid()) + ":" + std::to_string(::getegid());
  auto process = session.client.spawn(spec, soon());
  CHECK(read_all(process.stdout_source()) == std::to_string(::geteuid()) + "\n");
}

TEST_CASE("many processes at once, and more than the table keeps one after another") {
  Session session;
  std::vector<Process> processes;
  for (int i = 0; i < 40; ++i) {
    processes.push_back(session.client.spawn(shell("echo " + std::to_string(i)), soon()));
  }
  for (int i = 0; i < 40; ++i) {
    auto& process = processes[static_cast<std::size_t>(i)];
    CHECK(read_all(process.stdout_source()) == std::to_string(i) + "\n");
    CHECK(process.wait(soon()).exited());
  }
}

TEST_CASE("wait can be stopped and taken up again") {
  Session session;
  auto process = session.client.spawn(shell("sleep 0.2; exit 2"), soon());
  expect(Errc::timeout, 0, "wait", [&] { process.wait(CallOptions{}.with_timeout(20ms)); });
  CHECK(process.wait(soon()) == ExitStatus{2, 0});
}

// Frames by hand, for what no honest client sends.
void write_text(Stream& stream, const std::string& text) {
  stream.write(std::as_bytes(std::span(text)));
}

std::string read_some(Stream& stream, std::size_t size) {
  std::string text(size, '\0');
  text.resize(read_full(stream, std::as_writable_bytes(std::span(text))));
  return text;
}

TEST_CASE("stale bytes and an unfinished session before the greeting do no harm") {
  AgentProgram program;
  write_text(*program.stream, "garbage vmkitctl garbage" + std::string(1000, '\0'));
  {
    const auto hello = Preamble{Preamble::Kind::hello, protocol::version, {}}.encode();
    program.stream->write(hello);
    CHECK(read_some(*program.stream, Preamble::size).size() == Preamble::size);
    write_text(*program.stream, std::string("\0\1\0\1\0\0\0\1\0\0\0\0", 12));  // and no more
  }
  Client client = Client::connect(std::move(program.stream), soon());
  auto process = client.spawn(shell("echo alive"), soon());
  CHECK(read_all(process.stdout_source()) == "alive\n");
}

TEST_CASE("a client that breaks the protocol gets a go-away, and the next one is served") {
  AgentProgram program;
  program.stream->write(Preamble{Preamble::Kind::hello, protocol::version, {}}.encode());
  CHECK(read_some(*program.stream, Preamble::size).size() == Preamble::size);
  write_text(*program.stream, std::string("\0\7\0\0\0\0\0\0\0\0\0\0", 12));
  CHECK(read_some(*program.stream, 12) == std::string("\0\3\0\0\0\0\0\0\0\0\0\1", 12));
  Client client = Client::connect(std::move(program.stream), soon());
  CHECK_FALSE(client.failure());
}

TEST_CASE(
    "a process that writes for ever, left by its client, does not keep the next one waiting") {
  AgentProgram program;
  program.stream->write(Preamble{Preamble::Kind::hello, protocol::version, {}}.encode());
  CHECK(read_some(*program.stream, Preamble::size).size() == Preamble::size);
  yamux::Engine mux(yamux::Role::client, {});
  const auto rpc = mux.open();
  const auto output = mux.open();
  const auto header = protocol::stream_header(protocol::StreamKind::stdio);
  mux.write(output, header);
  std::string request;
  append_message(Json{{"jsonrpc", "2.0"},
                      {"id", 1},
                      {"method", "spawn"},
                      {"params", {{"args", {"/usr/bin/yes"}}, {"stdio", {{"stdout", output}}}}}}
                     .dump(),
                 request);
  mux.write(rpc, std::as_bytes(std::span(request)));
  yamux::OutputBuffer frames;
  mux.take_output(frames);
  program.stream->write(frames);
  std::vector<std::byte> input(50'000);
  while (mux.readable(rpc).empty() || mux.readable(output).empty()) {
    const std::size_t count = program.stream->read(input);
    REQUIRE(count != 0);
    mux.receive(std::span(input).first(count));
  }
  mux.go_away(yamux::GoAwayCode::normal);
  mux.take_output(frames);
  program.stream->write(frames);
  std::this_thread::sleep_for(50ms);  // by now the agent throws away what the process writes
  Client next = Client::connect(std::move(program.stream), CallOptions{}.with_timeout(3s));
  CHECK_FALSE(next.failure());
}

TEST_CASE("a client of another version is told ours") {
  AgentProgram program;
  program.stream->write(Preamble{Preamble::Kind::hello, 9, {}}.encode());
  const std::string answer = read_some(*program.stream, Preamble::size);
  CHECK(answer.substr(0, 13) == std::string("vmkitctl\0\0\0\2\2", 13));
}

}  // namespace
