// SPDX-License-Identifier: Apache-2.0
// Guests that lie about where their streams are, flood, stall and close halfway: what it costs is
// their own container. Another one in the same process goes on.
#include <atomic>
#include <limits>

#include "unit/agent/fake_agent.hpp"

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The client of another container, which must not notice.
class Bystander {
 public:
  void check() {
    CHECK_NOTHROW(client_.configure({.hostname = "x"}, CallOptions{}.with_timeout(2s)));
  }

 private:
  FakeAgent agent_{[](const Json& request) { return result(request, good_hello); }};
  Client client_ = Client::connect(agent_.dial(), soon());
};

std::string refusal(const Json& request, Errc code) {
  return framed(Json{
      {"id", request["id"]},
      {"error",
       {{"code", -32000}, {"message", "refused"}, {"data", {{"errc", static_cast<int>(code)}}}}}}
                    .dump());
}

/// The next stream of the host's, after its header.
std::unique_ptr<MuxStream> take_stream(Mux& mux) {
  auto stream = mux.accept(soon());
  std::vector<std::byte> header(protocol::stream_header_size);
  read_full(*stream, header);
  return stream;
}

ProcessSpec with_input_and_output() {
  ProcessSpec spec{.args = {"x"}};
  spec.stdin_mode = Stdio::pipe;
  spec.stderr_mode = Stdio::null;
  return spec;
}

const Json started{{"process", 1}, {"pid", 2}};

/// The agent's ends of the streams of such a process.
struct Ends {
  std::unique_ptr<MuxStream> input, output;

  /// Answers the request that starts it.
  std::string start(FakeAgent::Session& session, const Json& request) {
    input = take_stream(session.mux);
    output = take_stream(session.mux);
    return result(request, started);
  }
};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

CallOptions shortly() {
  return CallOptions{}.with_timeout(100ms);
}

TEST_CASE(
    "what interfaces have got: nothing that could not stand in a file, and all that was asked") {
  const Json good{{"name", "eth0"},         {"mac", "52:54:00:00:00:01"},
                  {"address", "10.0.2.15"}, {"prefix_length", 24},
                  {"gateway", "10.0.2.2"},  {"dns", {"10.0.2.3"}},
                  {"search", {"lan"}},      {"mtu", 1500}};
  const std::vector<InterfaceConfig> asked{{.mac = "52:54:00:00:00:01"}};
  const auto ask = [&](const Json& interfaces, const std::vector<InterfaceConfig>& wanted) {
    FakeAgent agent([&](const Json& request) {
      if (request["method"] == "hello") return result(request, good_hello);
      return result(request, {{"interfaces", interfaces}});
    });
    return Client::connect(agent.dial(), soon()).configure_network(wanted, soon());
  };
  const auto got = ask(Json::array({good}), asked);
  CHECK(got.at(0).search == std::vector<std::string>{"lan"});
  CHECK(got.at(0).mtu == 1500);
  const auto refused = [&](const Json& interfaces, const std::vector<InterfaceConfig>& wanted) {
    const std::string text = interfaces.dump();
    CAPTURE(text);
    expect(Errc::data_corruption, "guest agent, configure_network",
           [&] { ask(interfaces, wanted); });
  };
  const auto with = [&](const char* member, const Json& value) {
    Json changed = good;
    changed[member] = value;
    return Json::array({changed});
  };
  for (const Json& list :
       {Json::array(), Json::array({good, good}), Json::object(), Json(7), Json::array({7})}) {
    refused(list, asked);
  }
  for (const char* name : {"", "eth/0", "eth 0", "eth0\n", "sixteen-letters!"}) {
    refused(with("name", name), asked);
  }
  for (const char* text : {"", "10.0.2", "10.0.2.15\nnameserver 6.6.6.6", "fe80::1", "256.0.0.1"}) {
    refused(with("address", text), asked);
    refused(with("dns", {text}), asked);
    if (*text != '\0') refused(with("gateway", text), asked);
  }
  for (const char* text : {"", "a b", "a\nnameserver 6.6.6.6", "a..b"}) {
    refused(with("search", {text}), asked);
  }
  refused(with("dns", std::vector<std::string>(4, "1.1.1.1")), asked);
  refused(with("search", std::vector<std::string>(7, "lan")), asked);
  refused(with("dns", "1.1.1.1"), asked);
  refused(with("prefix_length", 33), asked);
  refused(with("prefix_length", "24"), asked);
  refused(with("mtu", 65536), asked);
  refused(with("mac", "52:54:00:00:00:02"), asked);
  refused(Json::array({good}), {{.mac = "52:54:00:00:00:01", .address = "10.0.2.16"}});
}

TEST_CASE("where streams go on after a lost session: what cannot be is an Error") {
  const auto offsets = [](const Json& input, const Json& output) {
    return [input, output](const Json& request) {
      return result(request, {{"pid", 2}, {"stdin", input}, {"stdout", output}});
    };
  };
  const auto at = [](const Json& offset) { return Json{{"offset", offset}}; };
  constexpr std::uint64_t far = 1ULL << 62;
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const struct {
    const char* name;
    FakeAgent::Answer answer;
    std::optional<Errc> output;
    const char* output_words;
    std::optional<Errc> input;
    const char* input_words;
  } cases[] = {
      {"output again", offsets(at(10), at(9)), Errc::data_corruption, "read already", {}, ""},
      {"output lost", offsets(at(10), at(far)), Errc::data_corruption, "overwritten", {}, ""},
      {"output beyond", offsets(at(10), at(most)), Errc::data_corruption, "malformed", {}, ""},
      {"input beyond", offsets(at(far), at(10)), {}, "", Errc::data_corruption, "other input"},
      {"input far", offsets(at(most), at(10)), {}, "", Errc::data_corruption, "malformed"},
      {"no object", offsets(5, "x"), Errc::data_corruption, "malformed", Errc::data_corruption,
       "malformed"},
      {"no answer", [](const Json& request) { return result(request, 5); }, Errc::data_corruption,
       "malformed", Errc::data_corruption, "malformed"},
      {"refused", [](const Json& request) { return refusal(request, Errc::unavailable); },
       Errc::unavailable, "refused", Errc::unavailable, "refused"},
      {"silent", [](const Json&) { return std::string(); }, Errc::timeout, "", Errc::timeout, ""},
  };
  Bystander bystander;
  for (const auto& test : cases) {
    CAPTURE(std::string(test.name));
    FakeAgent agent([&](FakeAgent::Session& session) {
      Ends ends;
      session.serve([&](const Json& request) -> std::string {
        if (request["method"] == "hello") {
          Json hello = good_hello;
          hello["received"] = 2;  // spawn and wait
          return result(request, hello);
        }
        if (request["method"] == "attach") return test.answer(request);
        if (request["method"] == "spawn") {
          const std::string answer = ends.start(session, request);
          ends.output->write(bytes_of("0123456789"));
          return answer;
        }
        if (request["method"] != "wait") return result(request, Json::object());
        std::vector<std::byte> text(10);
        read_full(*ends.input, text);
        session.transport.close();
        return "die";
      });
      if (session.number != 0) session.wait_for_the_end();
    });
    Client client = Client::connect(agent.dialler(), {}, soon());
    auto process = client.spawn(with_input_and_output(), soon());
    std::vector<std::byte> buffer(10);
    std::size_t count = 0;
    while (count < 10) {
      count += process.stdout_source().read(std::span(buffer).subspan(count), soon());
    }
    process.stdin_sink().write(bytes_of("abcdefghij"), soon());
    const CallOptions patience = test.output == Errc::timeout ? shortly() : soon();
    if (test.output) {
      expect(*test.output, test.output_words,
             [&] { process.stdout_source().read(buffer, patience); });
    }
    if (test.input) {
      // The session may still be there for the first bytes.
      expect(*test.input, test.input_words, [&] {
        for (;;) process.stdin_sink().write(bytes_of("x"), patience);
      });
    }
    bystander.check();
  }
}

TEST_CASE("an agent that says unavailable, while the session goes on, is not asked again") {
  std::atomic<int> asked{0};
  FakeAgent agent([&](const Json& request) {
    if (request["method"] == "hello") return result(request, good_hello);
    ++asked;
    return refusal(request, Errc::unavailable);
  });
  Client client = Client::connect(agent.dialler(), {}, soon());
  expect(Errc::unavailable, "attach: refused", [&] { client.attach(1, {}, soon()); });
  CHECK(asked == 1);
  CHECK(agent.sessions() == 1);
}

TEST_CASE("an agent that resets each stream at once: a start has an answer or an Error") {
  FakeAgent agent([](FakeAgent::Session& session) {
    std::thread resets([&] {
      try {
        for (;;) session.mux.accept();
      } catch (const Error&) {
        // The client has gone.
      }
    });
    try {
      session.serve([](const Json& request) {
        return result(request, request["method"] == "spawn" ? started : good_hello);
      });
    } catch (const Error&) {
      session.mux.close();
    }
    resets.join();
  });
  Client client = Client::connect(agent.dialler(), {}, soon());
  for (int i = 0; i < 50; ++i) {
    try {
      client.spawn(with_input_and_output(), soon());
    } catch (const Error& error) {
      CHECK_MESSAGE(error.code() == Errc::unavailable, std::string(error.what()));
    }
  }
  CHECK(agent.sessions() == 1);
}

TEST_CASE("an agent that greets and goes, again and again, keeps nobody busy") {
  FakeAgent agent([](FakeAgent::Session& session) {
    session.serve([greeted = false](const Json& request) mutable -> std::string {
      return std::exchange(greeted, true) ? "die" : result(request, good_hello);
    });
  });
  Bystander bystander;
  const auto begin = Clock::now();
  Client client = Client::connect(agent.dialler(), {}, soon());
  expect(Errc::timeout, "configure",
         [&] { client.configure({}, CallOptions{}.with_timeout(500ms)); });
  const int sessions = agent.sessions();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(Clock::now() - begin).count();
  CHECK(sessions > 1);
  CHECK(sessions <= 101 * (seconds + 1) + 1);  // 100 in a second, one that waited, and the first
  bystander.check();
  client.close();
  expect(Errc::unavailable, "closed by this side", [&] { client.configure({}, soon()); });
}

TEST_CASE("input that an agent takes without telling is bounded") {
  Ends ends;
  FakeAgent agent(
      [&](FakeAgent::Session& session) {
        session.serve([&](const Json& request) -> std::string {
          if (request["method"] == "hello") return result(request, good_hello);
          if (request["method"] == "spawn") return ends.start(session, request);
          return request["method"] == "wait" ? "" : result(request, Json::object());
        });
      },
      {.receive_window = 1U << 30});
  Client client = Client::connect(agent.dial(), soon());
  auto process = client.spawn(with_input_and_output(), soon());
  const std::string part(100'000, 'x');
  std::size_t written = 0;
  expect(Errc::data_corruption, "never tells", [&] {
    for (; written < 100 << 20; written += part.size()) {
      process.stdin_sink().write(bytes_of(part), soon());
    }
  });
  CHECK(written < 2 << 20);
  client.configure({}, shortly());
}

TEST_CASE("streams and events that nobody asked for do not disturb the answers") {
  FakeAgent agent([](FakeAgent::Session& session) {
    session.serve([&](const Json& request) {
      if (request["method"] == "hello") return result(request, good_hello);
      std::string reply;
      for (int i = 0; i < 1500; ++i) {
        try {
          session.mux.open()->write_now(std::vector<std::byte>(1000));
        } catch (const Error&) {
          // It was reset already.
        }
        reply += event({{"type", "noise"}, {"n", i}});
      }
      return reply + result(request, Json::object());
    });
  });
  Bystander bystander;
  Client client = Client::connect(agent.dial(), soon());
  for (int i = 0; i < 2; ++i) client.configure({}, soon());
  CHECK_FALSE(client.failure());
  bystander.check();
}

TEST_CASE("an agent that takes no requests holds a bounded number of them, and nobody up") {
  FakeAgent agent([](FakeAgent::Session& session) {
    std::vector<std::byte> hello(1000);
    session.control.read(hello);
    const Json request{{"id", 0}};
    session.control.write(bytes_of(result(request, good_hello)));
    session.wait_for_the_end();
  });
  Bystander bystander;
  std::optional<Client> client = Client::connect(agent.dial(), soon());
  const ProcessSpec large{.args = {std::string(1'000'000, 'x')}};
  int waiting = 0;
  expect(Errc::resource_exhausted, "does not take its requests", [&] {
    for (; waiting < 100; ++waiting) {
      try {
        client->spawn(large, CallOptions{}.with_timeout(20ms));
      } catch (const Error& error) {
        if (error.code() != Errc::timeout) throw;
      }
    }
  });
  CHECK(waiting < 8);
  bystander.check();
  const auto begin = Clock::now();
  client.reset();
  CHECK(Clock::now() - begin < 2s);
}

TEST_CASE("an agent that closes halfway: each end is told as what it is") {
  const struct {
    const char* name;
    std::function<void(FakeAgent::Session&, MuxStream& output)> close;
    std::optional<Errc> reading;  // nothing: an end of the output
    Errc waiting;
    const char* words;
  } cases[] = {
      {"the output", [](auto&, auto& output) { output.close_write(); }, {}, Errc::timeout, ""},
      {"the output, by a reset", [](auto&, auto& output) { output.close(); }, Errc::unavailable,
       Errc::timeout, ""},
      {"the requests", [](auto& session, auto&) { session.control.close_write(); },
       Errc::unavailable, Errc::unavailable, "closed its control stream"},
      {"the requests, by a reset", [](auto& session, auto&) { session.control.close(); },
       Errc::unavailable, Errc::unavailable, "closed its control stream"},
      {"the transport", [](auto& session, auto&) { session.transport.close_write(); },
       Errc::unavailable, Errc::unavailable, "closed the connection"},
  };
  Bystander bystander;
  for (const auto& test : cases) {
    CAPTURE(std::string(test.name));
    FakeAgent agent([&](FakeAgent::Session& session) {
      Ends ends;
      session.serve([&](const Json& request) -> std::string {
        if (request["method"] == "hello") return result(request, good_hello);
        if (request["method"] == "spawn") return ends.start(session, request);
        return "die";  // wait: goes on below
      });
      std::byte first;
      ends.input->read({&first, 1}, soon());
      test.close(session, *ends.output);
      session.wait_for_the_end();
    });
    Client client = Client::connect(agent.dial(), soon());
    auto process = client.spawn(with_input_and_output(), soon());
    process.stdin_sink().write(bytes_of("x"), soon());
    std::vector<std::byte> buffer(10);
    if (test.reading) {
      expect(*test.reading, test.words, [&] { process.stdout_source().read(buffer, soon()); });
    } else {
      CHECK(process.stdout_source().read(buffer, soon()) == 0);
    }
    expect(test.waiting, test.words, [&] {
      process.wait(test.waiting == Errc::timeout ? CallOptions{}.with_timeout(50ms) : soon());
    });
    bystander.check();
  }
}

}  // namespace
