// SPDX-License-Identifier: Apache-2.0
#include "profile.hpp"

#include <charconv>
#include <yaml-cpp/yaml.h>

#include <vmkit/base/error.hpp>

namespace devbox {
namespace {

using vmkit::Errc;
using vmkit::Error;
using vmkit::agent::Endpoint;

[[noreturn]] void refuse(const YAML::Node& node, const std::string& what) {
  throw Error(Errc::invalid_argument, "line " + std::to_string(node.Mark().line + 1) + ": " + what);
}

void allow_only(const YAML::Node& map, std::initializer_list<std::string_view> names) {
  if (!map.IsMap()) refuse(map, "expected a mapping");
  for (const auto& entry : map) {
    const auto name = entry.first.as<std::string>();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      refuse(entry.first, "unknown key \"" + name + "\"");
    }
  }
}

/// "22", "127.0.0.1:2222", "[::1]:2222", "/run/socket".
Endpoint endpoint(const YAML::Node& node) {
  if (!node || !node.IsScalar()) refuse(node, "expected a port, ADDRESS:PORT or a path");
  const auto text = node.as<std::string>();
  if (text.find('/') != std::string::npos) return Endpoint::unix_socket(text);
  const auto colon = text.rfind(':');
  std::string address = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size()) {
    refuse(node, "\"" + text + "\": expected a port, ADDRESS:PORT or a path");
  }
  return Endpoint::tcp(number, address);
}

Profile parse(const YAML::Node& root) {
  Profile profile;
  if (root.IsNull()) return profile;
  allow_only(root, {"services", "proxies"});
  for (const auto& service : root["services"]) {
    allow_only(service, {"command", "user"});
    if (!service["command"] || !service["command"].IsSequence() || service["command"].size() == 0) {
      refuse(service, "expected a command as a list of words");
    }
    profile.services.push_back({service["command"].as<std::vector<std::string>>(),
                                service["user"].as<std::string>("root")});
  }
  for (const auto& proxy : root["proxies"]) {
    allow_only(proxy, {"listen", "target"});
    if (!proxy["listen"] || !proxy["target"]) refuse(proxy, "expected listen and target");
    profile.proxies.push_back({endpoint(proxy["listen"]), endpoint(proxy["target"])});
  }
  return profile;
}

}  // namespace

Profile read_profile(const std::filesystem::path& file) {
  try {
    return parse(YAML::LoadFile(file.string()));
  } catch (const YAML::BadFile&) {
    throw Error(Errc::not_found, file.string() + ": there is no such file, or it cannot be read");
  } catch (const YAML::Exception& error) {
    throw Error(Errc::invalid_argument, file.string() + ": " + error.what());
  } catch (const Error& error) {
    throw error.with_context(file.string());
  }
}

}  // namespace devbox
