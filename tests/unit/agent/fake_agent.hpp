// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "agent/json.hpp"
#include "agent/message.hpp"
#include "agent/mux.hpp"
#include "agent/preamble.hpp"
#include "agent/protocol.hpp"
#include "unit/agent/fd_stream.hpp"

#include <vmkit/agent/client.hpp>

namespace vmkit::agent::test {

inline CallOptions soon() {
  return CallOptions{}.with_timeout(std::chrono::seconds(10));
}

inline std::string framed(const std::string& text) {
  std::string out;
  append_message(text, out);
  return out;
}

inline std::string result(const Json& request, const Json& value) {
  return framed(Json{{"jsonrpc", "2.0"}, {"id", request["id"]}, {"result", value}}.dump());
}

inline std::string event(const Json& params) {
  return framed(Json{{"jsonrpc", "2.0"}, {"method", "event"}, {"params", params}}.dump());
}

inline const Json good_hello{{"protocol", 2},         {"agent", "0.1"},
                             {"kernel", "6.1"},       {"architecture", "x86_64"},
                             {"root_mounted", false}, {"resumed", true}};

inline void expect(Errc code, const char* words, const std::function<void()>& action) {
  try {
    action();
    FAIL("no error");
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK_MESSAGE(error.code() == code, text);
    CHECK_MESSAGE(text.find(words) != std::string::npos, text);
  }
}

/// An agent in a thread, which answers the preamble and does what the test says then: in each
/// session the same, or what the number of the session calls for. Outlives its clients.
class FakeAgent {
 public:
  /// What goes back on the first stream; "die" ends the session.
  using Answer = std::function<std::string(const Json& request)>;

  /// One session, for a test that does more than to answer.
  struct Session {
    int number;  // from 0
    Stream& transport;
    Mux& mux;
    MuxStream& control;

    /// Answers requests until `answer` says "die", or the client has gone.
    void serve(const Answer& answer) {
      MessageDecoder decoder;
      std::vector<std::byte> buffer(10'000);
      while (const std::size_t count = control.read(buffer)) {
        std::span<const std::byte> input = std::span(buffer).first(count);
        while (const auto text = decoder.next(input)) {
          const Json request = parse_message(*text);
          if (!request.contains("id")) continue;  // it only acknowledges
          const std::string reply = answer(request);
          if (reply == "die") return;
          control.write(std::as_bytes(std::span(reply)));
        }
      }
    }
    /// Until the client has gone; its streams stay.
    void wait_for_the_end() {
      std::vector<std::unique_ptr<MuxStream>> streams;
      for (;;) streams.push_back(mux.accept());
    }
  };
  using Run = std::function<void(Session&)>;

  explicit FakeAgent(Answer answer)
      : FakeAgent([answer = std::move(answer)](Session& session) { session.serve(answer); }) {}
  explicit FakeAgent(Run run, yamux::Limits limits = {}) : run_(std::move(run)), limits_(limits) {}
  ~FakeAgent() {
    for (std::thread& thread : threads_) thread.join();
  }

  std::unique_ptr<Stream> dial() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    auto host = std::make_unique<FdStream>(fds[0]);
    auto guest = std::make_unique<FdStream>(fds[1]);
    const std::lock_guard lock(mutex_);
    const int number = static_cast<int>(threads_.size());
    threads_.emplace_back([this, number, guest = std::move(guest)]() mutable {
      run_session(number, std::move(guest));
    });
    return host;
  }
  Dialler dialler() {
    return [this](const CallOptions&) { return dial(); };
  }
  int sessions() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(threads_.size());
  }

 private:
  void run_session(int number, std::unique_ptr<Stream> stream) {
    try {
      std::vector<std::byte> hello(Preamble::size);
      read_full(*stream, hello);
      std::span<const std::byte> rest = hello;
      const auto preamble = PreambleScanner(Preamble::Kind::hello).scan(rest);
      if (!preamble) return;
      stream->write(Preamble{Preamble::Kind::answer, protocol::version, preamble->nonce}.encode());
      Stream& transport = *stream;
      Mux mux(std::move(stream), yamux::Role::server, limits_);
      const auto control = mux.accept(soon());
      Session session{number, transport, mux, *control};
      run_(session);
    } catch (const Error&) {
      // The client has gone, as it may.
    }
  }

  const Run run_;
  const yamux::Limits limits_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

}  // namespace vmkit::agent::test
