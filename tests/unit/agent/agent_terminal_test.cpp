// SPDX-License-Identifier: Apache-2.0
// Processes on a terminal of the real agent program.
#include <string>

#include "unit/agent/agent_listener.hpp"
#include "unit/agent/agent_program.hpp"

#include <vmkit/base/digest.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;

ProcessSpec on_terminal(const std::string& script) {
  ProcessSpec spec = shell(script);
  spec.stdin_mode = Stdio::pipe;
  spec.terminal = TerminalSize{.rows = 33, .columns = 101};
  return spec;
}

void type(Process& process, const std::string& keys) {
  process.stdin_sink().write(std::as_bytes(std::span(keys)), soon());
}

/// Reads until `words` have come; returns all that was read.
std::string read_until(Process& process, const std::string& words) {
  std::string text;
  std::vector<std::byte> buffer(4096);
  while (text.find(words) == std::string::npos) {
    const std::size_t count = process.stdout_source().read(buffer, soon());
    REQUIRE_MESSAGE(count != 0, text);
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return text;
}

TEST_CASE("a terminal has a name and a size, and is told when that changes") {
  Session session;
  auto process = session.client.spawn(
      on_terminal("tty; stty size; trap 'stty size; exit 3' WINCH; echo ready; "
                  "while :; do sleep 0.01; done"),
      soon());
  const std::string text = read_until(process, "ready");
  CHECK(text.starts_with("/dev/pts/"));
  CHECK(text.find("\r\n33 101\r\n") != std::string::npos);
  process.resize({.rows = 40, .columns = 132}, soon());
  CHECK(read_until(process, "132").find("40 132") != std::string::npos);
  CHECK(process.wait(soon()) == ExitStatus{3, 0});
  expect(Errc::failed_precondition, 0, "standard error", [&] { process.stderr_source(); });
  auto plain = session.client.spawn(shell("true"), soon());
  plain.wait(soon());
  expect(Errc::invalid_argument, 0, "65535", [&] {
    session.client.spawn({.args = {"true"}, .terminal = TerminalSize{70000, 1}}, soon());
  });
}

TEST_CASE("ctrl-c interrupts what runs in the foreground, and the end is a character") {
  Session session;
  auto process = session.client.spawn(
      on_terminal("trap : INT; sh -c 'trap \"echo interrupted; exit 4\" INT; echo ready; "
                  "while :; do sleep 0.01; done'; trap '' INT; echo then $?; cat; echo over"),
      soon());
  read_until(process, "ready");
  type(process, "\x03");
  CHECK(read_until(process, "then").find("interrupted") != std::string::npos);
  type(process, "line\n");
  read_until(process, "line\r\nline");  // its echo, and cat's
  process.stdin_sink().close();
  read_until(process, "over");
  process.wait(soon());
}

TEST_CASE("a large paste arrives whole, and a hang-up ends the process") {
  Session session;
  auto process = session.client.spawn(
      on_terminal("trap 'exit 5' HUP; stty raw -echo; echo ready; head -c 1000000 | sha256sum; "
                  "while :; do sleep 0.01; done"),
      soon());
  read_until(process, "ready");
  std::string paste(1'000'000, '\0');
  for (std::size_t i = 0; i < paste.size(); ++i) paste[i] = static_cast<char>(i * 7 + (i >> 9));
  type(process, paste);
  CHECK(read_until(process, "-").find(digest_of(paste).hex()) != std::string::npos);
  process.close_stdout(soon());
  CHECK(process.wait(soon()) == ExitStatus{5, 0});
}

}  // namespace
