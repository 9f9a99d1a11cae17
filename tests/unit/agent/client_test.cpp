// SPDX-License-Identifier: Apache-2.0
// The client against agents that lie, stall and die.
#include <condition_variable>
#include <mutex>
#include <optional>

#include "agent/link.hpp"
#include "unit/agent/fake_agent.hpp"

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;
using namespace std::chrono_literals;

TEST_CASE("what the agent says of itself arrives") {
  FakeAgent agent([](const Json& request) { return result(request, good_hello); });
  const Client client = Client::connect(agent.dial(), soon());
  CHECK(client.info().agent_version == "0.1");
  CHECK(client.info().kernel_release == "6.1");
  CHECK(client.info().architecture == "x86_64");
  CHECK_FALSE(client.info().root_mounted);
  CHECK_FALSE(client.failure());
}

TEST_CASE("whatever the agent answers, what comes out is a value or an Error") {
  const Json answers[] = {
      nullptr,
      5,
      "text",
      Json::array({1, "x"}),
      Json::object(),
      {{"process", -1}, {"pid", "x"}, {"processes", 7}, {"bytes", "many"}, {"port", -5}},
      {{"process", 1}, {"pid", 2}, {"stdin", 5}, {"stdout", Json::array()}, {"stderr", nullptr}},
      {{"process", 1}, {"pid", 2}, {"stdin", {{"offset", -1}}}, {"stdout", {{"offset", "0"}}}},
      {{"pid", 2},
       {"stdin", {{"offset", 1U << 30}, {"closed", "x"}}},
       {"stdout", {{"offset", ~std::uint64_t{0}}}},
       {"stderr", {{"offset", ~std::uint64_t{0}}}}},
      {{"processes", {1, "x", nullptr, {{"process", "x"}}}}, {"cpu", 1}, {"memory", {1}}},
  };
  const std::function<void(Client&)> calls[] = {
      [](Client& client) {
        ProcessSpec spec{.args = {"true"}};
        spec.stdin_mode = Stdio::pipe;
        auto process = client.spawn(spec, soon());
        process.wait(soon());
      },
      [](Client& client) {
        auto process = client.attach(1, {.stdin_sink = true}, soon());
        process.wait(soon());
      },
      [](Client& client) { client.processes(soon()); },
      [](Client& client) { client.statistics(soon()); },
      [](Client& client) { client.top(soon()); },
      [](Client& client) { client.trim(soon()); },
      [](Client& client) {
        client.forward_from_guest(Endpoint::tcp(0), Endpoint::tcp(1), {}, soon());
      },
  };
  for (const Json& answer : answers) {
    for (const auto& call : calls) {
      FakeAgent agent([&](const Json& request) {
        return result(request, request["method"] == "hello" ? good_hello : answer);
      });
      Client client = Client::connect(agent.dial(), soon());
      try {
        call(client);
      } catch (const Error& error) {
        CHECK_MESSAGE(error.code() != Errc::internal, answer.dump(), ": ", error.what());
        CHECK_MESSAGE(error.code() != Errc::timeout, answer.dump(), ": ", error.what());
      }
    }
  }
}

TEST_CASE("an agent that answers nonsense ends the session with a clear error") {
  const struct {
    Errc code;
    const char* words;
    std::string reply;
  } cases[] = {
      {Errc::unavailable, "not JSON", framed("nonsense")},
      {Errc::unavailable, "not a JSON object", framed("[1]")},
      {Errc::unavailable, "malformed answer", framed("{}")},
      {Errc::unavailable, "never made", framed("{\"id\":99,\"result\":{}}")},
      {Errc::unavailable, "never made", framed("{\"id\":\"1\",\"result\":{}}")},
      {Errc::unavailable, "malformed answer", framed("{\"id\":0}")},
      {Errc::unavailable, "malformed answer", framed("{\"id\":0,\"error\":7}")},
      {Errc::unavailable, "expected 1 to 1048576", std::string("\xff\xff\xff\xff")},
      {Errc::unavailable, "expected 1 to 1048576", std::string("\0\0\0\0", 4)},
      {Errc::unavailable, "deep", framed("{\"id\":0,\"result\":" + std::string(1000, '[') + "}")},
      {Errc::data_corruption, "malformed answer", framed("{\"id\":0,\"result\":{}}")},
      {Errc::data_corruption, "malformed answer",
       framed("{\"id\":0,\"result\":{\"protocol\":\"one\"}}")},
      {Errc::unavailable, "sent a request",
       framed("{\"id\":0,\"method\":\"event\",\"params\":{}}")},
      {Errc::unavailable, "sent a request", framed("{\"method\":\"do\",\"params\":{}}")},
      {Errc::unavailable, "without a type", framed("{\"method\":\"event\",\"params\":{}}")},
      {Errc::unavailable, "malformed answer", framed("{\"method\":\"event\"}")},
      {Errc::unavailable, "session", "die"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.reply.substr(0, 60));
    FakeAgent agent([&](const Json&) { return test.reply; });
    expect(test.code, test.words, [&] { Client::connect(agent.dial(), soon()); });
  }
}

TEST_CASE("errors of the agent keep their meaning and their errno") {
  const std::pair<int, Errc> codes[] = {{-32001, Errc::not_found},
                                        {-32002, Errc::permission_denied},
                                        {-32003, Errc::invalid_argument},
                                        {-32004, Errc::failed_precondition},
                                        {-32005, Errc::failed_precondition},
                                        {-32006, Errc::not_found},
                                        {-32007, Errc::failed_precondition},
                                        {-32008, Errc::resource_exhausted},
                                        {-32601, Errc::unsupported},
                                        {-32000, Errc::io},
                                        {12345, Errc::io}};
  for (const auto& [code, errc] : codes) {
    FakeAgent agent([code = code](const Json& request) {
      if (request["method"] == "hello") return result(request, good_hello);
      return framed(
          Json{{"id", request["id"]},
               {"error", {{"code", code}, {"message", "words"}, {"data", {{"errno", 2}}}}}}
              .dump());
    });
    Client client = Client::connect(agent.dial(), soon());
    try {
      client.spawn({.args = {"x"}}, soon());
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.code() == errc);
      CHECK(std::string(error.what()) == "guest agent, spawn: words");
      CHECK(error.native() == NativeError{ErrorDomain::posix, 2});
    }
  }
}

TEST_CASE("events reach a handler that may call the client, also those from before it was set") {
  FakeAgent agent([](const Json& request) {
    if (request["method"] == "hello") {
      return result(request, good_hello) + event({{"type", "first"}, {"n", -3}, {"s", "3x"}});
    }
    return event({{"type", "during"}}) + result(request, Json::object());
  });
  Client client = Client::connect(agent.dial(), soon());
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<GuestEvent> seen;
  client.on_event([&](const GuestEvent& told) {
    if (told.type == "first") client.configure({}, soon());
    const std::lock_guard lock(mutex);
    seen.push_back(told);
    changed.notify_all();
    throw std::runtime_error("a handler's own matter");
  });
  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, 10s, [&] { return seen.size() == 2; }));
  CHECK(seen[0].type == "first");
  CHECK(seen[0].number("n") == -3);
  CHECK_FALSE(seen[0].number("s"));
  CHECK(seen[0].attributes.at("s") == "3x");
  CHECK(seen[1].type == "during");
}

TEST_CASE("events that nobody takes are bounded, and what is missing is told") {
  std::string flood;
  for (int i = 0; i < 3000; ++i) flood += event({{"type", std::to_string(i)}});
  FakeAgent agent([&](const Json& request) {
    return request["method"] == "hello" ? result(request, good_hello)
                                        : flood + result(request, Json::object());
  });
  Client client = Client::connect(agent.dial(), soon());
  client.configure({}, soon());
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<GuestEvent> seen;
  client.on_event([&](const GuestEvent& told) {
    const std::lock_guard lock(mutex);
    seen.push_back(told);
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, 10s, [&] { return seen.size() == 1025; }));
  CHECK(seen[0].type == "lost");
  CHECK(seen[0].number("count") == 3000 - 1024);
  CHECK(seen[1].type == std::to_string(3000 - 1024));
  CHECK(seen[1024].type == "2999");
}

TEST_CASE("an error's words cannot play tricks on a terminal, nor fill the memory") {
  FakeAgent agent([](const Json& request) {
    if (request["method"] == "hello") return result(request, good_hello);
    const std::string words = "\x1b]0;title\x07 \r\n" + std::string(100'000, 'x');
    return framed(
        Json{{"id", request["id"]}, {"error", {{"code", -32000}, {"message", words}}}}.dump());
  });
  Client client = Client::connect(agent.dial(), soon());
  try {
    client.power_off(soon());
    FAIL("no error");
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(text.starts_with("guest agent, power_off: ?]0;title? ??xxx"));
    CHECK(text.size() < 5000);
  }
}

TEST_CASE("an exit status that no process can have is not taken for a success") {
  for (const char* status :
       {"{}", "[]", "null", "{\"code\":256}", "{\"code\":-1}", "{\"code\":\"0\"}", "{\"code\":0.5}",
        "{\"signal\":0}", "{\"signal\":128}", "{\"code\":0,\"signal\":9}"}) {
    CAPTURE(status);
    FakeAgent agent([status](const Json& request) {
      if (request["method"] == "hello") return result(request, good_hello);
      if (request["method"] == "spawn") return result(request, {{"process", 1}, {"pid", 2}});
      return result(request, Json::parse(status));
    });
    Client client = Client::connect(agent.dial(), soon());
    Process process =
        client.spawn({.args = {"x"}, .stdout_mode = Stdio::null, .stderr_mode = Stdio::null});
    expect(Errc::data_corruption, "exit status", [&] { process.wait(soon()); });
  }
}

TEST_CASE("an agent that is silent is left at the deadline, and the late answer is no error") {
  StopSource release;
  FakeAgent agent([&](const Json& request) {
    if (request["method"] == "hello") return result(request, good_hello);
    if (request["method"] == "power_off") release.token().wait_for(10s);
    return result(request, Json::object());
  });
  Client client = Client::connect(agent.dial(), soon());
  expect(Errc::timeout, "guest agent, power_off",
         [&] { client.power_off(CallOptions{}.with_timeout(30ms)); });
  release.request_stop();
  client.configure({.hostname = "x"}, soon());
  CHECK_FALSE(client.failure());
}

TEST_CASE("a process whose start was stopped is killed when the answer comes after all") {
  StopSource stopped;
  StopSource killed;
  FakeAgent agent([&](const Json& request) {
    if (request["method"] == "hello") return result(request, good_hello);
    if (request["method"] == "spawn") {
      stopped.token().wait_for(10s);
      return result(request, {{"process", 5}, {"pid", 77}});
    }
    if (request["method"] == "signal" && request["params"]["process"] == 5 &&
        request["params"]["signal"] == 9) {
      killed.request_stop();
    }
    return result(request, Json::object());
  });
  Client client = Client::connect(agent.dial(), soon());
  expect(Errc::timeout, "spawn", [&] {
    client.spawn({.args = {"x"}, .stdout_mode = Stdio::null, .stderr_mode = Stdio::null},
                 CallOptions{}.with_timeout(30ms));
  });
  stopped.request_stop();
  CHECK(killed.token().wait_for(5s));
}

TEST_CASE("when the agent dies, a wait without a deadline ends at once") {
  FakeAgent agent([&](const Json& request) -> std::string {
    if (request["method"] == "hello") return result(request, good_hello);
    if (request["method"] == "spawn") return result(request, {{"process", 1}, {"pid", 2}});
    std::this_thread::sleep_for(30ms);
    return "die";
  });
  Client client = Client::connect(agent.dial(), soon());
  Process process = client.spawn({.args = {"x"}}, soon());
  CHECK(process.pid() == 2);
  expect(Errc::unavailable, "session with the guest agent has ended", [&] { process.wait(); });
  std::vector<std::byte> buffer(10);
  expect(Errc::unavailable, "ended", [&] { process.stdout_source().read(buffer); });
  expect(Errc::unavailable, "ended", [&] { client.spawn({.args = {"x"}}); });
  REQUIRE(client.failure());
}

TEST_CASE("a process may outlive its client") {
  FakeAgent agent([&](const Json& request) -> std::string {
    if (request["method"] == "hello") return result(request, good_hello);
    if (request["method"] == "spawn") return result(request, {{"process", 1}, {"pid", 2}});
    return {};
  });
  std::optional<Client> client = Client::connect(agent.dial(), soon());
  Process process = client->spawn({.args = {"x"}}, soon());
  client.reset();
  expect(Errc::unavailable, "closed by this side", [&] { process.wait(); });
  expect(Errc::unavailable, "closed by this side", [&] { process.signal("TERM"); });
}

TEST_CASE("a request that names a stream is of the stream's session, or none") {
  std::mutex mutex;
  std::vector<std::string> asked;
  FakeAgent agent([&](const Json& request) -> std::string {
    const auto& method = request["method"];
    if (method == "hello") return result(request, good_hello);
    if (method == "power_off") return "die";
    const std::lock_guard lock(mutex);
    asked.push_back(method);
    return result(request, Json::object());
  });
  const auto link = Link::connect(nullptr, agent.dialler(), {}, soon());
  const auto early = link->open(protocol::StreamKind::file, soon());
  link->wait(*link->send("read_file", Json::object(), *early), soon());
  const auto late = link->open(protocol::StreamKind::file, soon());
  // Its answer never comes: the session ends, and the next one begins.
  expect(Errc::unavailable, "",
         [&] { link->wait(*link->send("power_off", Json::object()), soon()); });
  link->rpc()->call("configure", Json::object(), soon());
  const auto other = link->open(protocol::StreamKind::file, soon());
  expect(Errc::unavailable, "there is no session",
         [&] { link->send("copy_in", Json::object(), *late); });
  link->wait(*link->send("write_file", Json::object(), *other), soon());
  link->shut_down();
  CHECK(agent.sessions() == 2);
  const std::lock_guard lock(mutex);
  std::erase(asked, "resumed");
  CHECK(asked == std::vector<std::string>{"read_file", "configure", "write_file"});
}

TEST_CASE("requests that cannot be sent are refused before") {
  FakeAgent agent([&](const Json& request) { return result(request, good_hello); });
  Client client = Client::connect(agent.dial(), soon());
  expect(Errc::invalid_argument, "UTF-8", [&] { client.spawn({.args = {"\xff\xfe"}}, soon()); });
  expect(Errc::invalid_argument, "expected at most",
         [&] { client.spawn({.args = {std::string(2 << 20, 'x')}}, soon()); });
  CHECK_FALSE(client.failure());
}

TEST_CASE("signals are known by name and number") {
  CHECK(signal_number("KILL") == 9);
  CHECK(signal_number("SIGTERM") == 15);
  CHECK(signal_number("10") == 10);
  CHECK(signal_number("USR1") == 10);
  CHECK(signal_number("SIGRTMIN") == 34);
  CHECK(signal_number("SIGRTMIN+3") == 37);  // what systemd is stopped by
  CHECK(signal_number("RTMAX-30") == 34);
  CHECK(signal_number("RTMAX") == 64);
  for (const char* none : {"RTMIN+31", "RTMIN-1", "RTMIN+", "RTMIN+-1", "RTMAX+1", "RTMINX"}) {
    CHECK_FALSE(signal_number(none));
  }
  CHECK_FALSE(signal_number("0"));
  CHECK_FALSE(signal_number("65"));
  CHECK_FALSE(signal_number("-1"));
  CHECK_FALSE(signal_number("sigkill"));
  CHECK_FALSE(signal_number(""));
}

}  // namespace
