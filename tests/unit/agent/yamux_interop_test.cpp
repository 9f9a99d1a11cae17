// SPDX-License-Identifier: Apache-2.0
// Our yamux with the Go implementation at the other end.
#include <chrono>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <signal.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "agent/mux.hpp"
#include "unit/agent/fd_stream.hpp"
#include "unit/agent/temp_dir.hpp"

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace std::chrono_literals;

constexpr std::size_t size = 8 << 20;
constexpr int streams = 4;

CallOptions soon() {
  return CallOptions{}.with_timeout(60s);
}

/// The peer's program, built from tests/interop/yamux; empty if there is no Go, or no way to its
/// modules: that fails the test where CI is set, and skips it elsewhere.
const std::string& peer() {
  static const test::TempDir folder;
  static const std::string built = [] {
    const std::string path = (folder.path() / "peer").string();
    const std::string cache = folder.path().string();
    const std::string command =
        "cd '" VMKIT_YAMUX_PEER "' && PATH=\"$PATH:/usr/local/go/bin:/usr/lib/go/bin\" HOME='" +
        cache + "' GOPATH='" + cache + "/go' GOCACHE='" + cache +
        "/cache' GOFLAGS='-modcacherw -buildvcs=false' timeout 120 go build -o '" + path +
        "' . 2>'" + cache + "/log'";
    return std::system(command.c_str()) == 0 ? path : std::string();
  }();
  if (built.empty()) {
    const char* const words = "the Go peer cannot be built (Go 1.19, and the module proxy)";
    if (std::getenv("CI") != nullptr) {
      FAIL(words);
    } else {
      MESSAGE("skipped: ", words);
    }
  }
  return built;
}

class Peer {
 public:
  explicit Peer(const char* role) {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      if (fds[1] == 3) {
        ::fcntl(3, F_SETFD, 0);
      } else {
        ::dup2(fds[1], 3);
      }
      ::execl(peer().c_str(), "peer", role, nullptr);
      ::_exit(127);
    }
    ::close(fds[1]);
    stream = std::make_unique<test::FdStream>(fds[0]);
  }
  ~Peer() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  /// Its exit status, when it has ended by itself.
  int finish() {
    int status = -1;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

  std::unique_ptr<Stream> stream;

 private:
  pid_t pid_ = -1;
};

std::string pattern(int seed) {
  std::string data(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    data[i] = static_cast<char>(i * 31 + (i >> 13) + static_cast<std::size_t>(seed));
  }
  return data;
}

void send_to_server() {
  Peer go("serve");
  Mux mux(std::move(go.stream), yamux::Role::client, {.receive_window = 1 << 20});
  {
    auto left = mux.open();
    left->write(std::as_bytes(std::span("left", 4)), soon());
  }  // reset, with an echo under way
  std::vector<std::future<void>> all;
  for (int i = 0; i < streams; ++i) {
    all.push_back(std::async(std::launch::async, [&, i] {
      const std::string data = pattern(i);
      auto stream = mux.open();
      std::thread writer([&] {
        stream->write(std::as_bytes(std::span(data)), soon());
        stream->close_write();
      });
      std::string back(size, '\0');
      std::size_t filled = 0;
      std::vector<std::byte> buffer(100'000);
      while (const std::size_t count = stream->read(buffer, soon())) {
        if (filled + count > size) break;
        std::copy_n(reinterpret_cast<const char*>(buffer.data()), count, &back[filled]);
        filled += count;
      }
      writer.join();
      CHECK(filled == size);
      CHECK((back == data));
    }));
  }
  for (auto& one : all) one.get();
  CHECK_FALSE(mux.failure());
  mux.end();
  CHECK(go.finish() == 0);
}

/// Gives back what comes on a stream that the peer opened, until it has finished.
void echo(MuxStream& stream) {
  std::vector<std::byte> buffer(100'000);
  while (const std::size_t count = stream.read(buffer, soon())) {
    stream.write(std::span(buffer).first(count), soon());
  }
  stream.close_write();
}

std::string read_text(MuxStream& stream, std::size_t length) {
  std::string text(length, '\0');
  read_full(stream, std::as_writable_bytes(std::span(text)));
  return text;
}

bool at_end(MuxStream& stream) {
  std::byte more;
  return stream.read({&more, 1}, soon()) == 0;
}

bool is_unavailable(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code() == Errc::unavailable;
  }
  return false;
}

void serve_client() {
  Peer go("exchange");
  Mux mux(std::move(go.stream), yamux::Role::server, {.receive_window = 1 << 20});
  std::vector<std::future<void>> all;
  for (int i = 0; i < streams; ++i) {
    all.push_back(std::async(std::launch::async,
                             [stream = std::shared_ptr(mux.accept(soon()))] { echo(*stream); }));
  }
  for (auto& one : all) one.get();
  CHECK(go.finish() == 0);
}

void serve_client_that_resets() {
  Peer go("reset");
  Mux mux(std::move(go.stream), yamux::Role::server, {});
  CHECK(read_text(*mux.accept(soon()), 8) == "reset me");
  auto stream = mux.accept(soon());
  CHECK(read_text(*stream, 11) == "to be reset");
  CHECK(is_unavailable([&] {
    const std::vector<std::byte> block(1000);
    for (;;) stream->write(block, soon());
  }));
  CHECK_FALSE(mux.failure());
  mux.open();
  CHECK(go.finish() == 0);
}

void serve_client_that_goes() {
  Peer go("leave");
  Mux mux(std::move(go.stream), yamux::Role::server, {});
  auto stream = mux.accept(soon());
  CHECK(read_text(*stream, 4) == "left");
  CHECK(is_unavailable([&] { mux.open(); }));
  CHECK_FALSE(mux.failure());
  stream->write(std::as_bytes(std::span("good-bye", 8)), soon());
  stream->close_write();
  CHECK(at_end(*stream));
  CHECK(go.finish() == 0);
}

void ping_and_leave_server() {
  Peer go("is-left");
  yamux::Engine engine(yamux::Role::client, {});
  const auto pass_on = [&] {
    yamux::OutputBuffer output;
    engine.take_output(output);
    go.stream->write(output);
  };
  const auto hear_until = [&](const std::function<bool()>& done) {
    std::vector<std::byte> buffer(1000);
    while (!done()) {
      const std::size_t count = go.stream->read(buffer);
      REQUIRE(count != 0);
      engine.receive(std::span(buffer).first(count));
    }
  };
  engine.ping(77);
  pass_on();
  std::optional<std::uint32_t> pong;
  hear_until([&] { return (pong = engine.take_pong()).has_value(); });
  CHECK(pong == 77);

  const auto id = engine.open();
  engine.write(id, std::as_bytes(std::span("left", 4)));
  engine.go_away(yamux::GoAwayCode::normal);
  engine.finish(id);
  pass_on();
  std::string said;
  hear_until([&] {
    const auto data = engine.readable(id);
    said.append(reinterpret_cast<const char*>(data.data()), data.size());
    engine.consume(id, data.size());
    return engine.at_end(id) || engine.reset_by_peer(id);
  });
  CHECK(said == "good-bye");
  go.stream.reset();
  CHECK(go.finish() == 0);
}

// One case, because the peer is built for each process, and a process may run one case only.
TEST_CASE("yamux with the Go implementation") {
  if (peer().empty()) return;
  SUBCASE("as the server: large data, half-closes, a reset") {
    send_to_server();
  }
  SUBCASE("as the client: its streams, and its pings meanwhile") {
    serve_client();
  }
  SUBCASE("as the client: resets by either end") {
    serve_client_that_resets();
  }
  SUBCASE("as the client: after its go-away streams go on") {
    serve_client_that_goes();
  }
  SUBCASE("as the server: our ping, and our go-away") {
    ping_and_leave_server();
  }
}

}  // namespace
