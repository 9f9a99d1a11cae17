// SPDX-License-Identifier: Apache-2.0
#include "interface.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "rpc_error.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;

sockaddr as_socket_address(std::uint32_t address) {
  sockaddr_in internet{};
  internet.sin_family = AF_INET;
  internet.sin_addr.s_addr = htonl(address);
  sockaddr result;
  std::memcpy(&result, &internet, sizeof result);
  return result;
}

sockaddr as_mask(unsigned prefix_length) {
  return as_socket_address(prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length));
}

}  // namespace

struct Interface::Request {
  explicit Request(const std::string& name) { name.copy(value.ifr_name, IFNAMSIZ - 1); }
  ifreq value{};
};

Interface::Interface(const std::string& name)
    : name_(name), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  if (!socket_) throw RpcError(not_supported, "the kernel has no IPv4", errno);
}

void Interface::call(unsigned long number, Request& request, const char* what) {
  if (::ioctl(socket_.get(), number, &request.value) != 0) {
    throw RpcError(operation_failed, name_ + ": cannot " + what, errno);
  }
}

void Interface::bring_up() {
  Request request(name_);
  call(SIOCGIFFLAGS, request, "read the flags");
  request.value.ifr_flags = static_cast<short>(request.value.ifr_flags | IFF_UP);
  call(SIOCSIFFLAGS, request, "bring up the interface");
}

int Interface::mtu() {
  Request request(name_);
  call(SIOCGIFMTU, request, "read the MTU");
  return request.value.ifr_mtu;
}

void Interface::set_mtu(int mtu) {
  Request request(name_);
  request.value.ifr_mtu = mtu;
  call(SIOCSIFMTU, request, "set the MTU");
}

void Interface::set_address(std::uint32_t address, unsigned prefix_length) {
  if (prefix_length > 32) throw RpcError(invalid_params, "a prefix longer than 32 bits");
  Request request(name_);
  request.value.ifr_addr = as_socket_address(address);
  call(SIOCSIFADDR, request, "set the address");
  request.value.ifr_netmask = as_mask(prefix_length);
  call(SIOCSIFNETMASK, request, "set the netmask");
}

void Interface::remove_address() {
  Request request(name_);
  request.value.ifr_addr = as_socket_address(INADDR_ANY);
  call(SIOCSIFADDR, request, "remove the address");
}

void Interface::add_route(std::uint32_t network, unsigned prefix_length, std::uint32_t gateway,
                          int metric) {
  rtentry route{};
  route.rt_dst = as_socket_address(network);
  route.rt_genmask = as_mask(prefix_length);
  route.rt_gateway = as_socket_address(gateway);
  route.rt_flags = static_cast<unsigned short>(RTF_UP | (gateway == 0 ? 0 : RTF_GATEWAY) |
                                               (prefix_length == 32 ? RTF_HOST : 0));
  route.rt_metric = static_cast<short>(metric + 1);  // 0 would be the kernel's own choice
  std::string name = name_;
  route.rt_dev = name.data();
  if (::ioctl(socket_.get(), SIOCADDRT, &route) != 0 && errno != EEXIST) {
    throw RpcError(operation_failed, name_ + ": cannot set a route", errno);
  }
}

}  // namespace vmkit::guest
