// SPDX-License-Identifier: Apache-2.0
#include "os/socket.hpp"

#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <sys/stat.h>
#include <thread>

#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace vmkit::os;
using namespace std::chrono_literals;
using vmkit::test::check_error;

TEST_CASE("socket: connect, talk, close one way, close") {
  const auto folder = test::temporary_directory();
  const auto path = folder.path() / "s";
  const Descriptor listener = listen_unix(path);
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  auto client = make_socket_stream(connect_unix(path));
  auto server = make_socket_stream(accept_connection(listener.get()));
  client->write(std::as_bytes(std::span("ping", 4)));
  client->close_write();
  std::array<std::byte, 16> buffer;
  CHECK(read_full(*server, buffer) == 4);
  server->write(std::as_bytes(std::span("pong!", 5)));
  server->close();
  CHECK(read_full(*client, buffer) == 5);
  CHECK(static_cast<char>(buffer[4]) == '!');
}

TEST_CASE("socket: close from another thread ends a read") {
  DescriptorPair pair = make_socket_pair();
  auto stream = make_socket_stream(std::move(pair.first));
  std::thread closer([&] {
    std::this_thread::sleep_for(10ms);
    stream->close();
  });
  std::array<std::byte, 1> buffer;
  CHECK(stream->read(buffer) == 0);
  closer.join();
}

TEST_CASE("socket: a write to a peer that is gone is an error, not a signal") {
  DescriptorPair pair = make_socket_pair();
  auto stream = make_socket_stream(std::move(pair.first));
  pair.second.reset();
  const std::string data(1 << 20, 'x');
  check_error(Errc::unavailable, {"write to a socket"},
              [&] { stream->write(std::as_bytes(std::span(data))); });
}

TEST_CASE("socket: errors tell what is wrong with the path") {
  const auto folder = test::temporary_directory();
  check_error(Errc::not_found, {"/none"}, [&] { connect_unix(folder.path() / "none"); });
  check_error(Errc::invalid_argument, {"expected 1 to 107 bytes, found", "shorter folder"},
              [&] { listen_unix(folder.path() / std::string(200, 'x')); });
  const Descriptor listener = listen_unix(folder.path() / "s");
  check_error(Errc::already_exists, {"/s"}, [&] { listen_unix(folder.path() / "s"); });
}

TEST_CASE("socket: accept waits no longer than allowed") {
  const auto folder = test::temporary_directory();
  const Descriptor listener = listen_unix(folder.path() / "s");
  check_error(Errc::timeout, {"accept"},
              [&] { accept_connection(listener.get(), CallOptions{}.with_timeout(20ms)); });
}
