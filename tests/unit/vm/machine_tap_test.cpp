// SPDX-License-Identifier: Apache-2.0
// Only root may make TAP devices. Each case has a network of its own, which no other thread sees.
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>

#include "os/descriptor.hpp"
#include "support/machine_fixture.hpp"

using namespace vmkit;
using namespace vmkit::test;
using namespace vmkit::vm;

namespace {

void make_tap(const char* name) {
  const os::Descriptor tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  std::strcpy(request.ifr_name, name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  REQUIRE(::ioctl(tap.get(), TUNSETIFF, &request) == 0);
  REQUIRE(::ioctl(tap.get(), TUNSETPERSIST, 1) == 0);
  const os::Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  request.ifr_flags = IFF_UP;
  REQUIRE(::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0);
}

/// All frames of this network that the kernel sees.
os::Descriptor listen_to_frames() {
  return os::Descriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
}

}  // namespace

TEST_CASE_FIXTURE(BackendFixture, "machine: frames over a TAP device of the host's") {
  VMKIT_REQUIRE_GUEST();
  std::thread([&] {
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    make_tap("vmkit0");
    const os::Descriptor frames = listen_to_frames();
    REQUIRE(frames);
    MachineConfig config = network_guest_config("tapped");
    config.networks = {
        {.kind = NetworkKind::tap, .mac = "02:00:00:00:00:09", .interface = "vmkit0", .mtu = 9000}};
    Machine machine = backend->create(config);
    machine.start();
    {
      Machine rival = backend->create(config);
      CHECK(error_of([&] { rival.start(); }) ==
            "failed_precondition: machine tapped: networks[0]: TAP device vmkit0: another machine "
            "or program has it");
    }
    auto port = machine.open_port("vmkit.test");
    write_line(*port, "net 10.9.0.9");
    CHECK(read_line(*port) == "echo net 10.9.0.9");
    // The guest's kernel announces itself as soon as its interface is up.
    const std::string source("\x02\0\0\0\0\x09", 6);
    CHECK(eventually([&] {
      std::array<char, 9216> frame;
      const ssize_t size = ::recv(frames.get(), frame.data(), frame.size(), MSG_DONTWAIT);
      return size > 14 && std::string(frame.data() + 6, 6) == source;
    }));
    config.networks[0].interface = "lo";
    Machine wrong = backend->create(config);
    CHECK(error_of([&] { wrong.start(); }).find("TAP device lo: it is no TAP device") !=
          std::string::npos);
  }).join();
}
