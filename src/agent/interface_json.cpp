// SPDX-License-Identifier: Apache-2.0
#include "agent/interface_json.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <string>

#include "agent/domain_name.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

constexpr std::size_t longest_name = 15;  // IFNAMSIZ
constexpr std::size_t most_dns = 3, most_search = 6;
constexpr unsigned most_mtu = 65535;

void require(bool good, const char* expected) {
  if (good) return;
  throw Error(Errc::data_corruption,
              std::string("guest agent, configure_network: expected ") + expected);
}

bool is_interface_name(const std::string& text) {
  return !text.empty() && text.size() <= longest_name &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '/'; });
}

bool is_address(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

template <class Good>
std::vector<std::string> texts(const Json& list, std::size_t most, Good good,
                               const char* expected) {
  require(list.is_array() && list.size() <= most, expected);
  auto all = list.get<std::vector<std::string>>();
  require(std::all_of(all.begin(), all.end(), good), expected);
  return all;
}

ConfiguredInterface parse(const Json& told, const InterfaceConfig& asked) {
  ConfiguredInterface got{
      .name = told.at("name").get<std::string>(),
      .mac = told.at("mac").get<std::string>(),
      .address = told.at("address").get<std::string>(),
      .prefix_length = told.at("prefix_length").get<unsigned>(),
      .gateway = told.at("gateway").get<std::string>(),
      .dns = texts(told.at("dns"), most_dns, is_address, "a few addresses of name servers"),
      .search = texts(told.at("search"), most_search, is_domain, "a few domains"),
      .mtu = told.at("mtu").get<unsigned>()};
  require(is_interface_name(got.name), "the name of an interface");
  require(got.mac == asked.mac, "the interface that was asked for");
  require(is_address(got.address), "the address of an interface");
  require(asked.address.empty() || got.address == asked.address, "the address that was given");
  require(got.prefix_length <= 32, "a network of at most 32 bits");
  require(got.gateway.empty() || is_address(got.gateway), "the address of a gateway");
  require(got.mtu <= most_mtu, "the MTU of an interface");
  return got;
}

}  // namespace

Json to_json(const InterfaceConfig& interface) {
  return {{"mac", interface.mac},
          {"address", interface.address},
          {"prefix_length", interface.prefix_length},
          {"gateway", interface.gateway},
          {"mtu", interface.mtu},
          {"hostname", interface.hostname}};
}

std::vector<ConfiguredInterface> parse_configured(const Json& list,
                                                  const std::vector<InterfaceConfig>& asked) {
  require(list.is_array() && list.size() == asked.size(), "an answer for each interface");
  std::vector<ConfiguredInterface> all;
  for (std::size_t i = 0; i < asked.size(); ++i) all.push_back(parse(list[i], asked[i]));
  return all;
}

}  // namespace vmkit::agent
