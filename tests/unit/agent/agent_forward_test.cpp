// SPDX-License-Identifier: Apache-2.0
// Forwarded connections through the real agent program; "host" and "guest" share this system's
// loopback here.
#include <set>

#include "unit/agent/file_tree.hpp"
#include "unit/agent/sockets.hpp"

#include <vmkit/agent/forward.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;

std::string pattern(std::size_t size, std::size_t seed) {
  std::string data(size, '\0');
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * seed + (i >> 11));
  return data;
}

bool eventually(const std::function<bool()>& holds) {
  const auto limit = Clock::now() + 5s;
  while (!holds() && Clock::now() < limit) std::this_thread::sleep_for(1ms);
  return holds();
}

TEST_CASE("forward: TCP to the guest, both ways at once, half-closed, byte for byte") {
  FileSession test;
  // Answers only when it has read the end: the half-close has to come through.
  Service service([](Socket& socket) {
    std::string all = socket.receive_all();
    std::reverse(all.begin(), all.end());
    socket.send(all);
  });
  auto forward = test.session.client.forward(Endpoint::tcp(0), Endpoint::tcp(service.port()));
  CHECK(forward.listening().port != 0);
  CHECK(forward.listening().address == "127.0.0.1");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{100'000}, std::size_t{8} << 20}) {
    CAPTURE(size);
    std::string data = pattern(size, 31);
    Socket socket = connect_tcp(forward.listening().port);
    CHECK(socket.send(data));
    socket.finish();
    std::reverse(data.begin(), data.end());
    CHECK((socket.receive_all() == data));
  }
  // And the guest's end first.
  Service quiet([](Socket& socket) {
    socket.send("bye");
    socket.finish();
    CHECK(socket.receive_all() == "still here");
  });
  auto other = test.session.client.forward(Endpoint::tcp(0), Endpoint::tcp(quiet.port()));
  Socket socket = connect_tcp(other.listening().port);
  CHECK(socket.receive_all() == "bye");
  CHECK(socket.send("still here"));
  socket.finish();
  CHECK(eventually([&] { return other.connections() == 0; }));
}

TEST_CASE("forward: many connections, and those that are not read hold up no other") {
  FileSession test;
  Service service(Service::echo);
  auto forward = test.session.client.forward(Endpoint::tcp(0), Endpoint::tcp(service.port()));
  const auto port = forward.listening().port;
  // Echoes that nobody reads, until everything between is full.
  std::vector<Socket> stuck;
  for (int i = 0; i < 5; ++i) {
    stuck.push_back(connect_tcp(port));
    const std::string block(65536, 'x');
    while (::send(stuck.back().fd(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
  }
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back([&, i] {
      Socket socket = connect_tcp(port);
      const std::string data = pattern(100'000, static_cast<std::size_t>(i));
      std::thread sender([&] { socket.send(data); });
      if (socket.receive_exactly(data.size()) == data) ++right;
      sender.join();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 40);
  auto process = test.session.client.spawn(shell("echo alive"), soon());
  CHECK(read_all(process.stdout_source()) == "alive\n");
  stuck.clear();
  CHECK(eventually([&] { return forward.connections() == 0; }));
}

TEST_CASE("forward: what nobody listens to in the guest is reset, and the forward stays") {
  FileSession test;
  const auto unused = [] { return port_of(Socket(udp_socket())); }();
  auto forward = test.session.client.forward(Endpoint::tcp(0), Endpoint::tcp(unused));
  for (int i = 0; i < 3; ++i) {
    Socket socket = connect_tcp(forward.listening().port);
    const auto begin = Clock::now();
    const std::string end = socket.receive();
    CHECK((end.empty() || end == "(reset)"));
    CHECK(Clock::now() - begin < 2s);
  }
  expect(Errc::unavailable, ECONNREFUSED, "cannot connect to 127.0.0.1",
         [&] { test.session.client.open_connection(Endpoint::tcp(unused), soon()); });
  CHECK_FALSE(test.session.client.failure());
}

TEST_CASE("forward: a taken port, and other places that are none") {
  FileSession test;
  auto& client = test.session.client;
  Service taken(Service::echo);
  const Endpoint target = Endpoint::tcp(1);
  expect(Errc::already_exists, EADDRINUSE, "something else listens",
         [&] { client.forward(Endpoint::tcp(taken.port()), target); });
  expect(Errc::already_exists, EADDRINUSE, "cannot listen",
         [&] { client.forward_from_guest(Endpoint::tcp(taken.port()), target, {}, soon()); });
  expect(Errc::invalid_argument, 0, "numeric",
         [&] { client.forward(Endpoint::tcp(0, "example.org"), target); });
  expect(Errc::invalid_argument, 0, "numeric",
         [&] { client.forward_from_guest(Endpoint::tcp(0, "no"), target, {}, soon()); });
  expect(Errc::invalid_argument, EADDRNOTAVAIL, "no address of this host",
         [&] { client.forward(Endpoint::tcp(0, "192.0.2.1"), target); });
  expect(Errc::invalid_argument, 0, "UDP at both ends",
         [&] { client.forward(Endpoint::udp(0), target); });
  if (::geteuid() != 0) {
    expect(Errc::permission_denied, EACCES, "127.0.0.1:1",
           [&] { client.forward(Endpoint::tcp(1), target); });
  }
  // Reserved before there is a client, and given back.
  std::uint16_t port = 0;
  {
    const auto listener = HostListener::open(Endpoint::tcp(0));
    port = listener.endpoint().port;
    expect(Errc::already_exists, EADDRINUSE, "", [&] { HostListener::open(Endpoint::tcp(port)); });
  }
  auto reserved = HostListener::open(Endpoint::tcp(port));
  Socket early = connect_tcp(port);  // waits for the guest
  early.send("early");
  auto forward = client.forward(std::move(reserved), Endpoint::tcp(taken.port()));
  CHECK(early.receive_exactly(5) == "early");
}

TEST_CASE("forward: gone when it is closed, together with its connections") {
  FileSession test;
  Service service(Service::echo);
  std::optional<Forward> forward =
      test.session.client.forward(Endpoint::tcp(0), Endpoint::tcp(service.port()));
  const auto port = forward->listening().port;
  Socket socket = connect_tcp(port);
  socket.send("x");
  CHECK(socket.receive() == "x");
  CHECK(forward->connections() == 1);
  forward.reset();
  CHECK(refuses_tcp(port));
  CHECK(socket.receive_all() == "(reset)");
  auto again = test.session.client.forward(Endpoint::tcp(port), Endpoint::tcp(service.port()));
  CHECK(connect_tcp(port).send("x"));
}

TEST_CASE("forward: only so many connections at once; others wait") {
  FileSession test;
  Service service(Service::echo);
  auto forward = test.session.client.forward(Endpoint::tcp(0), Endpoint::tcp(service.port()),
                                             {.max_connections = 2});
  Socket first = connect_tcp(forward.listening().port);
  Socket second = connect_tcp(forward.listening().port);
  Socket third = connect_tcp(forward.listening().port);
  for (Socket* socket : {&first, &second}) {
    socket->send("x");
    CHECK(socket->receive() == "x");
  }
  third.send("y");
  std::this_thread::sleep_for(50ms);
  CHECK(forward.connections() == 2);
  CHECK(service.served() == 2);
  first.close();
  CHECK(third.receive() == "y");
}

TEST_CASE("forward: TCP from the guest") {
  FileSession test;
  Service service(Service::echo);
  auto forward = test.session.client.forward_from_guest(Endpoint::tcp(0),
                                                        Endpoint::tcp(service.port()), {}, soon());
  const auto port = forward.listening().port;
  CHECK(port != 0);
  const std::string data = pattern(3 << 20, 7);
  Socket socket = connect_tcp(port);
  std::thread sender([&] {
    socket.send(data);
    socket.finish();
  });
  CHECK((socket.receive_all() == data));
  sender.join();
  CHECK(eventually([&] { return forward.connections() == 0; }));

  const auto unused = port_of(udp_socket());
  auto refused =
      test.session.client.forward_from_guest(Endpoint::tcp(0), Endpoint::tcp(unused), {}, soon());
  const std::string end = connect_tcp(refused.listening().port).receive();
  CHECK((end.empty() || end == "(reset)"));
  forward.close();
  CHECK(eventually([&] { return refuses_tcp(port); }));
  CHECK_FALSE(test.session.client.failure());
}

TEST_CASE("forward: datagrams keep their boundaries, senders apart, and are forgotten in time") {
  FileSession test;
  Socket server = udp_socket();
  std::set<std::uint16_t> seen;
  for (const bool from_guest : {false, true}) {
    CAPTURE(from_guest);
    const ForwardOptions options{.idle_limit = 300ms};
    const auto target = Endpoint::udp(port_of(server));
    auto forward = from_guest ? test.session.client.forward_from_guest(Endpoint::udp(0), target,
                                                                       options, soon())
                              : test.session.client.forward(Endpoint::udp(0), target, options);
    Socket first = udp_socket(forward.listening().port);
    Socket second = udp_socket(forward.listening().port);
    const auto answer = [&](const std::string& expected) {
      std::string data(65536, '\0');
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t count = ::recvfrom(server.fd(), data.data(), data.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from), &size);
      REQUIRE(count >= 0);
      data.resize(static_cast<std::size_t>(count));
      CHECK(data.size() == expected.size());
      CHECK((data == expected));
      ::sendto(server.fd(), data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      return ntohs(from.sin_port);
    };
    for (const std::size_t size : {1, 0, 1400, 60'000}) {
      const std::string data = pattern(size, 3);
      ::send(first.fd(), data.data(), data.size(), 0);
      const auto from = answer(data);
      CHECK((first.receive() == data));
      seen.insert(from);
    }
    CHECK(seen.size() == 1);
    ::send(second.fd(), "other", 5, 0);
    const auto other = answer("other");
    CHECK_FALSE(seen.contains(other));
    CHECK(second.receive() == "other");
    CHECK(forward.connections() == 2);
    CHECK(eventually([&] { return forward.connections() == 0; }));
    ::send(first.fd(), "again", 5, 0);
    answer("again");
    CHECK(first.receive() == "again");
    seen.clear();
  }
}

TEST_CASE("forward: unix sockets, their paths within the container's root") {
  FileSession test;
  std::filesystem::create_directory(test.in_guest("run"));
  const std::string deep = "run/a folder with a name that is quite long";
  std::filesystem::create_directory(test.in_guest(deep));
  Service inside(Service::echo, test.in_guest("run/s").string());
  Service outside(Service::echo, test.on_host("s").string());
  std::filesystem::create_symlink("/run/s", test.in_guest("absolute"));
  std::filesystem::create_symlink(test.on_host("s"), test.in_guest("leading out"));
  std::filesystem::rename(test.in_guest("run/s"), test.in_guest(deep) / "s");
  std::filesystem::create_symlink(("/" + deep + "/s"), test.in_guest("run/s"));

  // To the guest: from a unix socket and from TCP, through symlinks, and a path of any length.
  const std::string here = test.on_host("listening").string();
  for (const std::string path : {"/run/s", "/absolute", "/run/../absolute"}) {
    CAPTURE(path);
    auto forward =
        test.session.client.forward(Endpoint::unix_socket(here), Endpoint::unix_socket(path));
    struct stat status;
    REQUIRE(::stat(here.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    Socket socket = connect_unix(here);
    socket.send("hello");
    CHECK(socket.receive() == "hello");
  }
  CHECK_FALSE(std::filesystem::exists(here));
  auto out = test.session.client.forward(Endpoint::tcp(0), Endpoint::unix_socket("/leading out"));
  const std::string end = connect_tcp(out.listening().port).receive();
  CHECK((end.empty() || end == "(reset)"));
  CHECK(outside.served() == 0);
  expect(Errc::not_found, ENOENT, "/leading out", [&] {
    test.session.client.open_connection(Endpoint::unix_socket("/leading out"), soon());
  });
  auto connection = test.session.client.open_connection(Endpoint::unix_socket("/run/s"), soon());
  connection->write(std::as_bytes(std::span(std::string_view("direct"))), soon());
  std::vector<std::byte> buffer(6);
  CHECK(read_full(*connection, buffer) == 6);

  // From the guest.
  const auto target = Endpoint::unix_socket(test.on_host("s").string());
  {
    auto forward = test.session.client.forward_from_guest(Endpoint::unix_socket("/run/new"), target,
                                                          {}, soon());
    Socket socket = connect_unix(test.in_guest("run/new").string());
    socket.send("to the host");
    CHECK(socket.receive() == "to the host");
    CHECK(outside.served() == 1);
    struct stat status;
    REQUIRE(::stat(test.in_guest("run/new").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0666);
    expect(Errc::already_exists, EEXIST, "/run/new", [&] {
      test.session.client.forward_from_guest(Endpoint::unix_socket("/run/new"), target, {}, soon());
    });
  }
  CHECK(eventually([&] { return !std::filesystem::exists(test.in_guest("run/new")); }));
  expect(Errc::not_found, ENOENT, "/no", [&] {
    test.session.client.forward_from_guest(Endpoint::unix_socket("/no/where"), target, {}, soon());
  });
}

TEST_CASE("forward: hundreds of short connections leave nothing") {
  FileSession test;
  Service service([](Socket& socket) { socket.send("x"); });
  auto forward = test.session.client.forward(Endpoint::tcp(0), Endpoint::tcp(service.port()));
  const auto descriptors = [] { return count_entries("/proc/self/fd"); };
  const auto guest_descriptors = [&] {
    auto process = test.session.client.spawn(shell("ls /proc/$PPID/fd | wc -l"), soon());
    return std::stoi(read_all(process.stdout_source()));
  };
  const auto before = descriptors();
  const auto guest_before = guest_descriptors();
  for (int i = 0; i < 300; ++i) CHECK(connect_tcp(forward.listening().port).receive_all() == "x");
  CHECK(eventually([&] { return forward.connections() == 0 && descriptors() == before; }));
  CHECK(eventually([&] { return guest_descriptors() <= guest_before + 3; }));
}

TEST_CASE("forward: outlives its client without harm") {
  std::optional<FileSession> test(std::in_place);
  Service service(Service::echo);
  auto forward = test->session.client.forward(Endpoint::tcp(0), Endpoint::tcp(service.port()));
  auto back = test->session.client.forward_from_guest(Endpoint::tcp(0),
                                                      Endpoint::tcp(service.port()), {}, soon());
  Socket socket = connect_tcp(forward.listening().port);
  socket.send("x");
  CHECK(socket.receive() == "x");
  test.reset();
  CHECK(forward.connections() == 0);
  CHECK(refuses_tcp(forward.listening().port));
}

}  // namespace
