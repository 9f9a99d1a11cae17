// SPDX-License-Identifier: Apache-2.0
#include "container/names.hpp"

#include <algorithm>
#include <arpa/inet.h>

#include "os/file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::container {
namespace {

constexpr const char* host_gateway = "host-gateway";
constexpr ByteSize most_zone_file(1 << 20);

[[noreturn]] void refuse(const std::string& field, const std::string& expected,
                         const std::string& found) {
  throw Error(Errc::invalid_argument,
              "names." + field + ": expected " + expected + ", found \"" + found + "\"");
}

/// One word of a line of a file.
void require_word(const std::string& field, const std::string& word) {
  const bool good = std::none_of(word.begin(), word.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '#';
  });
  if (word.empty() || !good) refuse(field, "a name without blanks", word);
}

void require_address(const std::string& field, const std::string& text) {
  unsigned char bytes[16];
  if (::inet_pton(AF_INET, text.c_str(), bytes) != 1 &&
      ::inet_pton(AF_INET6, text.c_str(), bytes) != 1) {
    refuse(field, "an IP address", text);
  }
}

agent::Mount file(const char* target, std::string content) {
  return {.type = agent::MountType::file, .source = std::move(content), .target = target};
}

std::string hosts(const std::string& hostname, const Names& names,
                  const std::optional<agent::ConfiguredInterface>& network) {
  std::string text =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::0\tip6-localnet\n"
      "ff00::0\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\n"
      "ff02::2\tip6-allrouters\n";
  text += (network ? network->address : "127.0.1.1") + "\t";
  if (!names.domain.empty()) text += hostname + "." + names.domain + " ";
  text += hostname + "\n";
  for (const ExtraHost& host : names.extra_hosts) {
    require_word("extra_hosts", host.name);
    std::string address = host.address;
    if (address == host_gateway) {
      if (!network) refuse("extra_hosts", "a network for host-gateway", host.name);
      if (network->gateway.empty()) refuse("extra_hosts", "a network with a gateway", host.name);
      address = network->gateway;
    }
    require_address("extra_hosts", address);
    text += address + "\t" + host.name + "\n";
  }
  return text;
}

std::string resolv_conf(const Names& names, const agent::ConfiguredInterface& network) {
  std::string text;
  for (const std::string& server : names.dns.empty() ? network.dns : names.dns) {
    require_address("dns", server);
    text += "nameserver " + server + "\n";
  }
  const auto add_line = [&](const char* key, const char* field,
                            const std::vector<std::string>& words) {
    if (words.empty()) return;
    text += key;
    for (const std::string& word : words) {
      require_word(field, word);
      text += " " + word;
    }
    text += "\n";
  };
  std::vector<std::string> search = names.dns_search;
  if (search.empty() && !names.domain.empty()) search = {names.domain};
  if (search.empty()) search = network.search;
  add_line("search", "dns_search", search);
  add_line("options", "dns_options", names.dns_options);
  return text;
}

}  // namespace

std::vector<agent::Mount> name_files(const std::string& hostname, const Names& names,
                                     const std::string& own_machine_id,
                                     const std::optional<agent::ConfiguredInterface>& network) {
  if (!names.domain.empty()) require_word("domain", names.domain);
  std::vector<agent::Mount> files{file("/etc/hosts", hosts(hostname, names, network)),
                                  file("/etc/hostname", hostname + "\n")};
  const std::string& machine = names.machine_id.value_or(own_machine_id);
  if (machine != "image") {
    const bool good =
        machine.size() == 32 && machine.find_first_not_of("0123456789abcdef") == machine.npos;
    if (!good) refuse("machine_id", "32 lower-case hexadecimal digits or \"image\"", machine);
    files.push_back(file("/etc/machine-id", machine + "\n"));
  }
  if (network) files.push_back(file("/etc/resolv.conf", resolv_conf(names, *network)));
  return files;
}

std::optional<std::string> rule_in_zone_file(const std::string& bytes) {
  if (bytes.rfind("TZif", 0) != 0 || bytes.size() < 3 || bytes.back() != '\n') return std::nullopt;
  const std::size_t begin = bytes.rfind('\n', bytes.size() - 2);
  if (begin == std::string::npos || begin + 2 >= bytes.size()) return std::nullopt;
  std::string rule = bytes.substr(begin + 1, bytes.size() - begin - 2);
  const bool printable =
      std::all_of(rule.begin(), rule.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!printable) return std::nullopt;
  return rule;
}

std::string timezone_rule(const std::string& name) {
  const bool whole = !name.empty() && name.front() != '/' && name.find("..") == std::string::npos &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' ||
                              c == '+';
                     });
  if (!whole) refuse("timezone", "a name such as Europe/Berlin, or \"host\"", name);
  const std::filesystem::path path =
      name == "host" ? "/etc/localtime" : "/usr/share/zoneinfo/" + name;
  if (name == "host" && !std::filesystem::exists(path)) return "UTC0";
  std::optional<std::string> rule;
  try {
    rule = rule_in_zone_file(os::read_file(path, most_zone_file));
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
  }
  if (!rule) {
    throw Error(Errc::not_found, "names.timezone: this host has no time zone \"" + name + "\" (" +
                                     path.string() + ")");
  }
  return *rule;
}

}  // namespace vmkit::container
