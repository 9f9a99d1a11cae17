// SPDX-License-Identifier: Apache-2.0
// Files, ports, probes and health on one real machine: what needs root, a kernel and an image.
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <condition_variable>
#include <doctest/doctest.h>
#include <fstream>
#include <mutex>
#include <netinet/in.h>
#include <set>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "support/demo.hpp"
#include "support/errors.hpp"
#include "support/memory_source.hpp"
#include "support/programs.hpp"
#include "unit/agent/sockets.hpp"

#include <vmkit/container/container.hpp>

using namespace vmkit;
using namespace std::chrono_literals;
using agent::Endpoint;
using agent::FileKind;
using agent::test::connect_tcp;
using agent::test::Service;
using agent::test::Socket;
using container::Container;
using container::HealthState;
using test::check_error;
using test::Demo;

namespace {

CallOptions soon() {
  return CallOptions{}.with_timeout(30s);
}

/// The states that health went through.
class HealthStates {
 public:
  void add(const container::ContainerEvent& event) {
    if (event.type != "health") return;
    const std::lock_guard lock(mutex_);
    states_.push_back(event.attributes.at("status"));
    changed_.notify_all();
  }
  bool wait_for(const std::string& state) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] {
      return std::find(states_.begin(), states_.end(), state) != states_.end();
    });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> states_;
};

HealthStates& states() {
  static HealthStates all;
  return all;
}

/// One machine for all cases.
Container& box() {
  static Container started = [] {
    states();  // so that it goes last
    auto options = Demo::get().container_options();
    options.ports = {container::parse_port_mapping("7000")};
    container::Probe check{container::ExecProbe{{.args = {"test", "-e", "/tmp/healthy"}}}};
    check.interval = 50ms;
    check.retries = 2;
    options.health = check;
    auto container = Container::create(options);
    static const auto subscription =
        container.on_event([](const container::ContainerEvent& event) { states().add(event); });
    container.start();
    return container;
  }();
  return started;
}

std::string shell(const std::string& script) {
  auto process = box().exec({.args = {"/bin/sh", "-c", script}});
  std::string text;
  std::vector<std::byte> buffer(65536);
  while (const std::size_t count = process.stdout_source().read(buffer, soon())) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  process.wait(soon());
  return text;
}

/// A server in the guest that sends back what it gets, one connection at a time.
agent::Process echo_server(int port) {
  const std::string script =
      "use IO::Socket::INET; $| = 1;"
      "my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => " +
      std::to_string(port) +
      ", Listen => 5, ReuseAddr => 1) or die;"
      "print \"listening now\\n\";"
      "while (my $c = $s->accept) {"
      "  my $line = <$c>;"
      "  if (defined $line && $line =~ /^GET (\\S+)/) {"
      "    print $c 'HTTP/1.1 ' . ($1 eq '/ok' ? '200 OK' : '503 No') . \"\\r\\n\\r\\n\";"
      "  } elsif (defined $line) { print $c $line; }"
      "  close $c;"
      "}";
  return box().exec({.args = {"perl", "-e", script}});
}

}  // namespace

TEST_CASE("files on a machine: owners, devices, capabilities and setuid, there and back") {
  auto files = box().files();
  shell(
      "mkdir -p /srv/tree/sub && cd /srv/tree && echo x >owned && chown 1234:5678 owned && chmod "
      "4751 owned && mknod null c 1 3 && chmod 640 null && mknod sda b 8 0 && mkfifo fifo && ln "
      "owned sub/hard && ln -s ../owned sub/soft && chown -h 77:88 sub/soft && chown 99 sub && "
      "truncate -s 100M sub/sparse && touch -d '1999-12-31 23:59:59.123456789 UTC' owned");
  const agent::CopyOptions keep{.owner = {agent::Ownership::Kind::keep}};
  // Out as a stream, in again elsewhere: as root in the guest, nothing is lost.
  const auto stream = files.read_tree("/srv/tree", keep, soon());
  const auto made = files.write_tree(*stream, "/srv/copy", "", keep, soon());
  CHECK(made.entries == 9);
  CHECK(made.bytes == 2);
  CHECK(made.notices.list.empty());
  const std::string list =
      "find . -printf '%p %y %m %U:%G %s %n %T@ %l\\n' | sort; stat -c '%t %T' null sda";
  CHECK(shell("cd /srv/copy && " + list) == shell("cd /srv/tree && " + list));
  CHECK(shell("stat -c '%a %u:%g %y' /srv/copy/owned; du -k /srv/copy/sub/sparse | cut -f1") ==
        "4751 1234:5678 1999-12-31 23:59:59.123456789 +0000\n0\n");
  const auto entry = files.stat("/srv/tree/owned", soon());
  CHECK(entry.uid == 1234);
  CHECK(entry.gid == 5678);
  CHECK(entry.permissions == 04751);
  CHECK(entry.modified == agent::FileTime{946684799, 123456789});
  CHECK(files.lstat("/srv/tree/null", soon()).device_minor == 3);

  // To this host, as an ordinary user: the devices and the setuid bit stay behind, and are told.
  const auto target = Demo::get().folder() / "tree";
  const auto out = files.copy_out("/srv/tree", target, {}, soon());
  std::set<std::string> told;
  for (const auto& notice : out.notices.list) {
    // The file has two names; which one comes first depends on the folder's hash.
    told.insert(notice.path == "sub/hard" ? "owned" : notice.path);
  }
  CHECK(told == std::set<std::string>{"null", "sda", "owned"});
  CHECK((std::filesystem::status(target / "owned").permissions() & std::filesystem::perms(07777)) ==
        std::filesystem::perms(0751));
  CHECK(std::filesystem::equivalent(target / "owned", target / "sub/hard"));

  // In again: root's, or whose it is asked for.
  files.copy_in(target / "owned", "/srv/roots", {}, soon());
  files.copy_in(target / "owned", "/srv/fixed", {.owner = {agent::Ownership::Kind::fixed, 5, 6}},
                soon());
  CHECK(shell("cd /srv && stat -c '%U %a' roots && stat -c '%u:%g' fixed") == "root 751\n5:6\n");
  files.set_attributes("/srv/fixed", {.permissions = 0600, .uid = 7}, soon());
  CHECK(shell("stat -c '%u:%g %a' /srv/fixed") == "7:6 600\n");
}

TEST_CASE("files on a machine: where a copy goes, and what is nothing or large") {
  auto files = box().files();
  const auto host = Demo::get().folder() / "copies";
  std::filesystem::create_directories(host / "many/empty folder");
  for (int i = 0; i < 500; ++i) std::ofstream(host / "many" / std::to_string(i)) << i << '\n';
  std::ofstream(host / "many/empty");
  shell("mkdir -p /srv/there; echo taken >/srv/taken");
  files.copy_in(host / "many/7", "/srv/there", {}, soon());
  files.copy_in(host / "many/empty", "/srv/new/folder/", {.create_parents = true}, soon());
  check_error(
      Errc::not_found, {"/srv/none"},
      [&] { files.copy_in(host / "many/7", "/srv/none/7", {}, soon()); }, ENOENT);
  check_error(
      Errc::failed_precondition, {"expected a folder"},
      [&] { files.copy_in(host / "many", "/srv/taken", {}, soon()); }, ENOTDIR);
  CHECK(files.copy_in(host / "many", "/srv/there", {}, soon()).entries == 503);
  CHECK(shell("cd /srv && cat there/7 taken there/many/499 && stat -c '%s %U' new/folder/empty && "
              "ls there/many | wc -l && ls 'there/many/empty folder'") ==
        "7\ntaken\n499\n0 root\n502\n");
  CHECK(files.copy_out("/srv/there/.", host / "back", {}, soon()).entries == 505);
  check_error(
      Errc::failed_precondition, {"expected a folder"},
      [&] { files.copy_out("/srv/there", host / "many/7", {}, soon()); }, ENOTDIR);
  check_error(
      Errc::not_found, {"/srv/nothing"},
      [&] { files.copy_out("/srv/nothing", host / "nothing", {}, soon()); }, ENOENT);
  CHECK(test::run_program({"diff", "-r", host / "many", host / "back/many"}).empty());
}

TEST_CASE("files on a machine: paths end at the container's root, and at procfs") {
  auto files = box().files();
  shell("ln -s /proc/1/root /tmp/escape; ln -s ../../../../../etc /tmp/up");
  check_error(Errc::invalid_argument, {"/tmp/escape"},
              [&] { files.stat("/tmp/escape/init", soon()); });
  check_error(Errc::invalid_argument, {"/proc"}, [&] { files.list("/proc/1/root", soon()); });
  CHECK(files.read("/tmp/up/os-release", 1_MiB, soon()).find("Debian") != std::string::npos);
  CHECK(files.read("/proc/version", 1_MiB, soon()).find("Linux version") == 0);
  check_error(Errc::not_found, {"/init"}, [&] { files.stat("/../../init", soon()); });
  // A file system of the kernel's within another one is not entered.
  auto mount =
      box().exec({.args = {"sh", "-c", "mkdir -p /srv/p/proc && mount -t proc proc /srv/p/proc"},
                  .privileged = true});
  CHECK(mount.wait(soon()) == agent::ExitStatus{});
  const auto stream = files.read_tree("/srv/p", {}, soon());
  agent::TreeReader reader(*stream);
  std::set<std::string> found;
  while (const auto* entry = reader.next()) found.insert(entry->path);
  CHECK(found == std::set<std::string>{"", "proc"});
  REQUIRE(reader.notices().list.size() == 1);
  CHECK(reader.notices().list[0].path == "proc");
}

TEST_CASE("files on a machine: a copy that waits holds up no process") {
  auto files = box().files();
  shell("head -c 30000000 /dev/urandom >/srv/large");
  const auto waiting = files.read_tree("/srv/large", {}, soon());
  CHECK(shell("echo alive") == "alive\n");
  std::string data(8 << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 31 + (i >> 13));
  const auto begin = std::chrono::steady_clock::now();
  files.write("/srv/written", data, 0644, soon());
  const auto written = std::chrono::steady_clock::now();
  CHECK((files.read("/srv/written", 10_MiB, soon()) == data));
  const auto read = std::chrono::steady_clock::now();
  CHECK(shell("cat /srv/written").size() == data.size());
  MESSAGE("8 MiB in ", (written - begin) / 1ms, " ms, out ", (read - written) / 1ms,
          " ms; as output of a process ", (std::chrono::steady_clock::now() - read) / 1ms, " ms");
}

TEST_CASE("ports on a machine: published, forwarded, probed") {
  auto& container = box();
  REQUIRE(container.ports().size() == 1);
  const auto port = container.ports()[0].host.port;
  CHECK(port != 0);
  check_error(Errc::timeout, {"not ready in time", "127.0.0.1:7000"}, [&] {
    container.wait_ready({container::TcpProbe{7000}}, CallOptions{}.with_timeout(300ms));
  });
  check_error(Errc::failed_precondition, {"not ready after 2 tries"}, [&] {
    container.wait_ready({.action = container::TcpProbe{7000}, .interval = 1ms, .retries = 2},
                         soon());
  });
  auto server = echo_server(7000);
  container.wait_ready({container::TcpProbe{7000}}, soon());
  container.wait_ready({container::HttpProbe{.port = 7000, .path = "/ok"}}, soon());
  check_error(Errc::failed_precondition, {"HTTP status 503"}, [&] {
    container.wait_ready(
        {.action = container::HttpProbe{.port = 7000, .path = "/bad"}, .retries = 1}, soon());
  });
  container.wait_ready({container::LogProbe{server.handle(), "listening now"}}, soon());
  container.wait_ready({container::LogProbe{server.handle(), "^listening +n.w$", true}}, soon());
  container.wait_ready({container::ExecProbe{{.args = {"true"}}}}, soon());
  check_error(Errc::failed_precondition, {"exit status 3: why"}, [&] {
    container.wait_ready(
        {.action = container::ExecProbe{{.args = {"sh", "-c", "printf why; exit 3"}}},
         .retries = 1},
        soon());
  });
  check_error(Errc::timeout, {"not ready"}, [&] {
    container.wait_ready(
        {.action = container::ExecProbe{{.args = {"sleep", "100"}}}, .timeout = 50ms},
        CallOptions{}.with_timeout(300ms));
  });

  Socket socket = connect_tcp(port);
  socket.send("hello\n");
  CHECK(socket.receive_all() == "hello\n");
  {
    auto second = container.forward(Endpoint::tcp(0), Endpoint::tcp(7000));
    Socket other = connect_tcp(second.listening().port);
    other.send("again\n");
    CHECK(other.receive_all() == "again\n");
  }
  Service service([](Socket& peer) { peer.send("from the host"); });
  auto back = container.forward_from_guest(Endpoint::tcp(0), Endpoint::tcp(service.port()));
  CHECK(shell("perl -e 'use IO::Socket::INET; my $s = IO::Socket::INET->new(\"127.0.0.1:" +
              std::to_string(back.listening().port) + "\"); print <$s>'") == "from the host");
  const auto path = (Demo::get().folder() / "host socket").string();
  Service by_path([](Socket& peer) { peer.send("from its socket"); }, path);
  auto socket_back = container.forward_from_guest(Endpoint::unix_socket("/run/host.sock"),
                                                  Endpoint::unix_socket(path));
  CHECK(shell("perl -e 'use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(\"/run/host.sock\"); "
              "print <$s>'") == "from its socket");
  server.signal("KILL", soon());

  auto options = Demo::get().container_options();
  options.ports = {container::parse_port_mapping(std::to_string(port) + ":80")};
  auto late = Container::create(options);
  check_error(Errc::already_exists, {"127.0.0.1:80", "something else listens"},
              [&] { late.start(); });
  CHECK(late.state() != vm::MachineState::running);
}

TEST_CASE("ports on a machine: UDP, IPv6 and unix sockets") {
  const std::string server =
      "use Socket qw(:all); use IO::Socket::IP; use IO::Socket::UNIX; $| = 1;"
      "my $udp = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 7100, Proto => 'udp', "
      "Type => SOCK_DGRAM) or die;"
      "my $six = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 7200, Listen => 5) or die;"
      "my $unix = IO::Socket::UNIX->new(Local => '/run/seven', Listen => 5) or die;"
      "symlink('seven', '/run/link') or die;"
      "print \"up\\n\"; my $text;"
      "for (1, 2) { my $from = recv($udp, $text, 100, 0); send($udp, \"udp $text\", 0, $from); }"
      "for my $listener ($six, $unix) {"
      "  my $c = $listener->accept; my $line = <$c>; print $c \"got $line\"; close $c;"
      "}";
  auto process = box().exec({.args = {"perl", "-e", server}});
  std::byte up[3];
  REQUIRE(read_full(process.stdout_source(), up) == 3);
  const auto udp = box().forward(Endpoint::udp(0), Endpoint::udp(7100));
  for (const char* text : {"one", "two"}) {  // from two senders
    auto sender = agent::test::udp_socket(udp.listening().port);
    sender.send(text);
    CHECK(sender.receive() == std::string("udp ") + text);
  }
  const auto talk = [](Socket socket) {
    socket.send("this\n");
    return socket.receive_all();
  };
  const auto six = box().forward(Endpoint::tcp(0, "::1"), Endpoint::tcp(7200, "::1"));
  Socket socket(::socket(AF_INET6, SOCK_STREAM, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(six.listening().port);
  address.sin6_addr = in6addr_loopback;
  REQUIRE(agent::test::connects(socket.fd(), address));
  CHECK(talk(std::move(socket)) == "got this\n");
  const auto mapping =
      container::parse_port_mapping((Demo::get().folder() / "seven").string() + ":/run/link");
  const auto unix_socket = box().forward(mapping.host, mapping.guest);
  CHECK(talk(agent::test::connect_unix(mapping.host.path)) == "got this\n");
  CHECK(process.wait(soon()) == agent::ExitStatus{});
}

TEST_CASE("health on a machine: starting, unhealthy, healthy") {
  box();
  CHECK(states().wait_for("starting"));
  CHECK(states().wait_for("unhealthy"));
  CHECK(box().health().state == HealthState::unhealthy);
  CHECK(box().health().failures >= 2);
  CHECK(box().health().last_failure == "exit status 1");
  box().files().write("/tmp/healthy", "");
  CHECK(states().wait_for("healthy"));
  CHECK(box().health().last_failure.empty());
}
