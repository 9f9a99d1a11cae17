// SPDX-License-Identifier: Apache-2.0
// Forwards and copies of a client whose connection to the agent is cut again and again.
#include "unit/agent/agent_listener.hpp"
#include "unit/agent/agent_program.hpp"
#include "unit/agent/sockets.hpp"

#include <vmkit/agent/files.hpp>
#include <vmkit/agent/forward.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;

/// Sends and expects the same back, over new connections until it comes or ten seconds are over.
bool echoes(std::uint16_t port) {
  const auto limit = Clock::now() + 10s;
  while (Clock::now() < limit) {
    Socket socket(::socket(AF_INET, SOCK_STREAM, 0));
    if (!connects(socket.fd(), loopback(port))) return false;  // the forward itself is gone
    if (socket.send("hello") && socket.receive_exactly(5) == "hello") return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST_CASE("forward: both ways go on after a lost session; what was under way is reset") {
  AgentListener agent;
  Client client = agent.client(soon());
  vmkit::agent::test::Service service(vmkit::agent::test::Service::echo);
  auto there = client.forward(Endpoint::tcp(0), Endpoint::tcp(service.port()));
  auto back =
      client.forward_from_guest(Endpoint::tcp(0), Endpoint::tcp(service.port()), {}, soon());
  const auto port = back.listening().port;
  for (int round = 0; round < 5; ++round) {
    CAPTURE(round);
    Socket open = connect_tcp(there.listening().port);
    open.send("x");
    CHECK(open.receive() == "x");
    agent.cut();
    CHECK(open.receive() == "(reset)");
    CHECK(echoes(there.listening().port));
    CHECK(echoes(port));
    CHECK(back.listening().port == port);
  }
  CHECK(agent.connections() >= 6);
}

TEST_CASE("files: a copy ends with the session that it was of, and the next one works") {
  AgentListener agent;
  Client client = agent.client(soon());
  auto files = client.files();
  TempDir folder;
  const std::string target = (folder.path() / "copy").string();
  folder.write("large", std::string(50 << 20, 'x'));
  const CallOptions cutting{.progress = [&](const Progress& progress) {
    if (progress.done > 0) agent.cut();
  }};
  expect(Errc::unavailable, 0, "",
         [&] { files.copy_in(folder.path() / "large", target, {}, cutting.with_timeout(20s)); });
  files.copy_in(folder.path() / "large", target, {}, soon());
  CHECK(files.stat(target, soon()).size == 50 << 20);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}

}  // namespace
