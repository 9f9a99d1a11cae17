// SPDX-License-Identifier: Apache-2.0
#include "network_events.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "console.hpp"

namespace vmkit::guest {
namespace {

// What changes again and again, perhaps by a container that may do that, is told so often at most.
constexpr auto interval = std::chrono::milliseconds(100);
constexpr std::size_t max_interfaces = 64;
constexpr std::size_t max_addresses = 1024;  // as text, of one interface
constexpr int max_read = 64;                 // messages at a time

Fd kernel_news() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (fd && ::bind(fd.get(), reinterpret_cast<sockaddr*>(&groups), sizeof groups) == 0) return fd;
  log(std::string("no news of the network: ") + std::strerror(errno));
  return {};
}

/// Empty for what is none, and for those that every interface gives itself.
std::string address_text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address == nullptr) return {};
  if (address->sa_family == AF_INET) {
    const auto* internet = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &internet->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    const auto* internet = reinterpret_cast<const sockaddr_in6*>(address);
    if (IN6_IS_ADDR_LINKLOCAL(&internet->sin6_addr)) return {};
    ::inet_ntop(AF_INET6, &internet->sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace

NetworkEvents::NetworkEvents(Client& client) : client_(client), news_(kernel_news()) {
  if (news_) told_ = look().value_or(Interfaces());
}

void NetworkEvents::watch(PollSet& set) {
  if (due_) {
    set.add_timer(next_, [this](short) { tell(); });
  } else if (news_) {
    set.add(news_.get(), POLLIN, [this](short) { due_ = true; });
  }
}

std::optional<NetworkEvents::Interfaces> NetworkEvents::look() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  Interfaces found;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if ((entry->ifa_flags & IFF_LOOPBACK) != 0) continue;
    if (found.size() == max_interfaces && !found.contains(entry->ifa_name)) continue;
    Interface& interface = found[entry->ifa_name];
    constexpr unsigned both = IFF_UP | IFF_RUNNING;
    interface.up = (entry->ifa_flags & both) == both;
    const std::string address = address_text(entry->ifa_addr);
    if (address.empty() || interface.addresses.size() > max_addresses) continue;
    interface.addresses += (interface.addresses.empty() ? "" : " ") + address;
  }
  return found;
}

void NetworkEvents::tell() {
  for (int i = 0; i < max_read; ++i) {  // what is left rings again
    char dropped[4096];
    if (::recv(news_.get(), dropped, sizeof dropped, 0) <= 0) break;
  }
  due_ = false;
  next_ = Clock::now() + interval;
  auto now = look();
  if (!now) return;
  for (const auto& [name, interface] : *now) {
    if (const auto known = told_.find(name); known != told_.end() && known->second == interface) {
      continue;
    }
    client_.notify({{"type", "network"},
                    {"interface", name},
                    {"state", interface.up ? "up" : "down"},
                    {"addresses", interface.addresses}});
  }
  for (const auto& [name, interface] : told_) {
    if (now->contains(name)) continue;
    client_.notify({{"type", "network"}, {"interface", name}, {"state", "gone"}});
  }
  told_ = std::move(*now);
}

}  // namespace vmkit::guest
