// SPDX-License-Identifier: Apache-2.0
// Guests that ask for their addresses: QEMU's own DHCP server, one that the test plays, and none.
#include <chrono>
#include <condition_variable>
#include <doctest/doctest.h>
#include <mutex>
#include <sys/socket.h>
#include <vector>

#include "container/boot.hpp"
#include "support/demo.hpp"
#include "support/dhcp_server.hpp"
#include "support/errors.hpp"

#include <vmkit/agent/initramfs.hpp>
#include <vmkit/agent/port.hpp>
#include <vmkit/container/container.hpp>

using namespace vmkit;
using container::Container;
using test::Demo;
using test::DhcpOption;
using test::DhcpQuestion;
using namespace std::chrono_literals;

namespace {

/// A network that the test is at the other end of.
struct FrameNetwork {
  FrameNetwork() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    guest = os::Descriptor(ends[0]);
    host = os::Descriptor(ends[1]);
  }
  vm::Network network() const {
    return {.kind = vm::NetworkKind::descriptor, .descriptor = guest.get()};
  }
  os::Descriptor guest, host;
};

/// Things that happen in another thread, in their order.
class Record {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(what);
    changed_.notify_all();
  }
  /// All so far, as soon as the last is this one.
  std::string until(const std::string& what) {
    std::unique_lock lock(mutex_);
    const bool there =
        changed_.wait_for(lock, 20s, [&] { return !all_.empty() && all_.back() == what; });
    std::string text;
    for (const std::string& one : all_) text += (text.empty() ? "" : ", ") + one;
    return there ? text : text + ", and not " + what;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> all_;
};

std::string output_of(Container& box, const std::string& script, bool privileged = false) {
  auto process = box.exec({.args = {"bash", "-c", script}, .privileged = privileged});
  std::string text;
  std::byte buffer[4096];
  while (const std::size_t count = process.stdout_source().read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer), count);
  }
  CHECK(process.wait() == agent::ExitStatus{0, 0});
  return text;
}

}  // namespace

TEST_CASE(
    "dhcp: a container on a network with a server that loses, refuses, renews and takes back") {
  FrameNetwork frames;
  auto options = Demo::get().container_options();
  options.hostname = "asker";
  options.network = true;
  options.network_device = frames.network();
  options.names.extra_hosts = {{"router", "host-gateway"}};

  Record questions;
  int discovers = 0, requests = 0;
  const std::string address = test::address_bytes({{192, 0, 2, 7}});
  const test::DhcpServer server(std::move(frames.host), [&](const DhcpQuestion& question,
                                                            bool alone) {
    std::vector<DhcpOption> all{
        {54, test::address_bytes({{192, 0, 2, 1}})},
        {1, test::address_bytes({{255, 255, 255, 0}})},
        {51, test::number_bytes(10)},
        {58, test::number_bytes(1)},
        {59, test::number_bytes(2)},
        {6, test::address_bytes({{192, 0, 2, 53}})},
        {15, "example.org"},
        {26, test::number_bytes(1400, 2)},
        {121, std::string("\0\xc0\0\2\xfe\x10\x0a\1\xc0\0\2\2\x18\xc6\x33\x64\0\0\0\0", 20)}};
    CHECK((question.kind == 7 || question.option(12) == "asker"));
    const auto reply = [&](int kind) { return test::answer_bytes(question, kind, address, all); };
    switch (question.kind) {
      case 1:
        questions.add("discover");
        return ++discovers == 1 ? std::string() : reply(2);
      case 7:
        CHECK(alone);
        questions.add("release");
        return std::string();
      default:
        break;
    }
    const bool has = question.client_address() == address;
    questions.add(!has ? "request" : alone ? "renew" : "rebind");
    switch (++requests) {
      case 1:
        return reply(6);  // refused
      case 4:
        return std::string();  // a renewal is lost
      case 5:
        return reply(6);  // and nobody else renews
      default:
        break;
    }
    if (requests > 5) {  // from then on for long
      all[2].value = test::number_bytes(3600);
      all[3].value = all[4].value = test::number_bytes(0);
    }
    return reply(5);
  });

  auto box = Container::create(options);
  Record addresses;
  const auto subscription = box.on_event([&](const container::ContainerEvent& event) {
    if (event.type != "network") return;
    const auto told = event.attributes.find("addresses");
    if (told != event.attributes.end()) addresses.add(told->second.empty() ? "none" : told->second);
  });
  box.start();
  CHECK(output_of(box, "cat /etc/resolv.conf") == "nameserver 192.0.2.53\nsearch example.org\n");
  CHECK(output_of(box, "tail -n 2 /etc/hosts") == "192.0.2.7\tasker\n192.0.2.254\trouter\n");
  CHECK(output_of(box, "cat /sys/class/net/e*/mtu") == "1400\n");
  // Network, gateway, mask, as the kernel writes them.
  CHECK(output_of(box, "tail -n +2 /proc/net/route | cut -f 2,3,8 | sort | tr '\\t' ' '") ==
        "00000000 FE0200C0 00000000\n0000010A 020200C0 0000FFFF\n000200C0 00000000 00FFFFFF\n"
        "006433C6 00000000 00FFFFFF\n");
  CHECK(addresses.until("192.0.2.7").find("none, 192.0.2.7") != std::string::npos);
  CHECK(addresses.until("none").find("192.0.2.7, none") != std::string::npos);
  CHECK(addresses.until("192.0.2.7").find("192.0.2.7, none, 192.0.2.7") != std::string::npos);
  CHECK(questions.until("request") ==
        "discover, discover, request, discover, request, renew, renew, rebind, discover, request");
  // As after a pause, which the machine's own clock does not count.
  CHECK(output_of(box, "date -s '+10 minutes' > /dev/null", true) == "");
  CHECK(questions.until("rebind").find("request, rebind") != std::string::npos);
  box.stop();
  CHECK(questions.until("release").find("rebind, release") != std::string::npos);
}

TEST_CASE("dhcp: QEMU's own server; and a network where nobody answers") {
  const FrameNetwork silent;
  auto options = Demo::get().container_options();
  vm::MachineConfig config;
  config.name = "askers";
  config.boot.image = options.kernel.image;
  config.boot.initrd = agent::build_initramfs(
      {.architecture = config.architecture, .modules_directory = options.kernel.modules});
  config.ports = {{.name = std::string(agent::port_name)}};
  config.networks = {{.mac = "02:00:00:00:00:07", .addressing = vm::Addressing::dhcp},
                     silent.network()};
  config.networks[1].mac = "02:00:00:00:00:08";
  for (const auto& addresses : options.backend->network_addresses(config)) CHECK_FALSE(addresses);
  vm::Machine machine = options.backend->create(config);
  agent::Client client = container::boot(machine, options, {});
  const agent::InterfaceConfig slirp{.mac = "02:00:00:00:00:07", .mtu = 1280, .hostname = "box"};
  try {
    client.configure_network({slirp, {.mac = "02:00:00:00:00:08"}}, {}, 300ms);
    FAIL("an address from nobody");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::timeout);
    const std::string text = error.what();
    CHECK_MESSAGE(text.find(": no address by DHCP within 300 ms: 1 DHCPDISCOVER and 0 DHCPREQUEST "
                            "sent, 0 DHCPOFFER and 0 DHCPNAK received") != std::string::npos,
                  text);
    CHECK_MESSAGE(text.find("no address") == text.rfind("no address"), text);  // one has got it
  }
  const auto got = client.configure_network({slirp});
  REQUIRE(got.size() == 1);
  CHECK(got[0].name.front() == 'e');
  CHECK(got[0].mac == slirp.mac);
  CHECK(got[0].address == "10.0.2.15");
  CHECK(got[0].prefix_length == 24);
  CHECK(got[0].gateway == "10.0.2.2");
  CHECK(got[0].dns == std::vector<std::string>{"10.0.2.3"});
  CHECK(got[0].search.empty());
  CHECK(got[0].mtu == 1280);
  // From an address of its own choice to a fixed one.
  const auto fixed = client.configure_network({{.mac = slirp.mac, .address = "10.0.2.20"}});
  CHECK(fixed.at(0).address == "10.0.2.20");
  CHECK(fixed.at(0).gateway.empty());
  test::check_error(Errc::invalid_argument, {"the name of a host", "a b"},
                    [&] { client.configure_network({{.mac = slirp.mac, .hostname = "a b"}}); });
  client.power_off();
  machine.wait(CallOptions{}.with_timeout(20s));
}
