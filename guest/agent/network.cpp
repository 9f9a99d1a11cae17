// SPDX-License-Identifier: Apache-2.0
#include "network.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot.hpp"
#include "directory.hpp"
#include "fd.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

std::string find_interface(const std::string& mac) {
  std::string found;
  for_each_entry("/sys/class/net", [&](const std::string& name) {
    const auto address = read_file(("/sys/class/net/" + name + "/address").c_str(), 64);
    if (address && first_line(*address) == mac) found = name;
  });
  return found;
}

// A driver that has just been loaded may still be looking at its device.
std::string wait_for_interface(const std::string& mac) {
  constexpr useconds_t pause_us = 5000;
  constexpr int tries = 2'000'000 / pause_us;
  for (int i = 0; i < tries; ++i) {
    if (std::string name = find_interface(mac); !name.empty()) return name;
    ::usleep(pause_us);
  }
  throw RpcError(no_such_device, "no network interface has the address " + mac +
                                     "; the kernel needs virtio_net, built in or as a module");
}

in_addr parse_address(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) {
    throw RpcError(invalid_params, "expected an IPv4 address, found \"" + text + "\"");
  }
  return address;
}

sockaddr as_socket_address(in_addr address) {
  sockaddr_in internet{};
  internet.sin_family = AF_INET;
  internet.sin_addr = address;
  sockaddr result;
  std::memcpy(&result, &internet, sizeof result);
  return result;
}

class Interface {
 public:
  explicit Interface(const std::string& name)
      : name_(name), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (!socket_) throw RpcError(not_supported, "the kernel has no IPv4", errno);
  }

  void set_address(in_addr address, unsigned prefix_length) {
    if (prefix_length > 32) throw RpcError(invalid_params, "a prefix longer than 32 bits");
    const in_addr mask{prefix_length == 0 ? 0 : htonl(~0U << (32 - prefix_length))};
    ifreq request = make_request();
    request.ifr_addr = as_socket_address(address);
    call(SIOCSIFADDR, request, "set the address");
    request.ifr_netmask = as_socket_address(mask);
    call(SIOCSIFNETMASK, request, "set the netmask");
  }

  void set_mtu(int mtu) {
    ifreq request = make_request();
    request.ifr_mtu = mtu;
    call(SIOCSIFMTU, request, "set the MTU");
  }

  void bring_up() {
    ifreq request = make_request();
    call(SIOCGIFFLAGS, request, "read the flags");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    call(SIOCSIFFLAGS, request, "bring up the interface");
  }

  void set_gateway(in_addr gateway) {
    rtentry route{};
    route.rt_dst = as_socket_address({INADDR_ANY});
    route.rt_genmask = as_socket_address({INADDR_ANY});
    route.rt_gateway = as_socket_address(gateway);
    route.rt_flags = RTF_UP | RTF_GATEWAY;
    std::string name = name_;
    route.rt_dev = name.data();
    if (::ioctl(socket_.get(), SIOCADDRT, &route) != 0 && errno != EEXIST) {
      throw RpcError(operation_failed, name_ + ": cannot set the gateway", errno);
    }
  }

 private:
  ifreq make_request() const {
    ifreq request{};
    name_.copy(request.ifr_name, IFNAMSIZ - 1);
    return request;
  }

  void call(unsigned long number, ifreq& request, const char* what) {
    if (::ioctl(socket_.get(), number, &request) != 0) {
      throw RpcError(operation_failed, name_ + ": cannot " + what, errno);
    }
  }

  std::string name_;
  Fd socket_;
};

Json configure_network(const Json& params) {
  load_modules("network");
  Json names = Json::array();
  for (const Json& wanted : params.at("interfaces")) {
    const std::string name = wait_for_interface(wanted.at("mac").get<std::string>());
    Interface interface(name);
    if (const auto mtu = get_or<int>(wanted, "mtu", 0); mtu != 0) interface.set_mtu(mtu);
    interface.set_address(parse_address(wanted.at("address").get<std::string>()),
                          wanted.at("prefix_length").get<unsigned>());
    interface.bring_up();
    if (const auto gateway = get_or<std::string>(wanted, "gateway", ""); !gateway.empty()) {
      interface.set_gateway(parse_address(gateway));
    }
    names.push_back(name);
  }
  return {{"names", std::move(names)}};
}

}  // namespace

void Network::add_methods(Methods& methods) {
  methods["configure_network"] = [](const Json& params, const Deferred&) {
    return configure_network(params);
  };
}

}  // namespace vmkit::guest
