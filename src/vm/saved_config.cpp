// SPDX-License-Identifier: Apache-2.0
#include "vm/saved_config.hpp"

#include <cctype>
#include <string_view>

#include "os/file.hpp"
#include "vm/shown_json.hpp"

#include <vmkit/vm/config_json.hpp>

namespace vmkit::vm::detail {
namespace {

using Json = nlohmann::json;

constexpr std::size_t longest_field = 200;

/// "/disks/0/identifier" as "disks[0].identifier"; what is not as we write it is not shown as it
/// is.
std::string field_of(std::string_view pointer) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_0123456789/-";
  if (pointer.find_first_not_of(letters) != std::string_view::npos ||
      pointer.size() > longest_field) {
    return "an unknown member";
  }
  std::string field;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view part = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(part.size());
    const bool index = !part.empty() && std::isdigit(static_cast<unsigned char>(part[0])) != 0;
    field += index ? "[" : field.empty() ? "" : ".";
    field += part;
    if (index) field += ']';
  }
  return field;
}

std::string value_at(const Json& document, const std::string& pointer) {
  const Json::json_pointer where(pointer);
  return document.contains(where) ? shown(document[where]) : "nothing or the default";
}

}  // namespace

nlohmann::json seen_by_guest(MachineConfig config) {
  const MachineConfig plain;
  config.name = plain.name;
  config.boot = plain.boot;
  if (config.firmware) config.firmware = Firmware();
  config.console = plain.console;
  config.boot_watchdog = plain.boot_watchdog;
  Json sizes = Json::array();
  for (Disk& disk : config.disks) {
    // An export's size is its server's to keep.
    sizes.push_back(
        disk.nbd.empty() ? os::File::open(disk.path, os::File::Mode::read).size().bytes() : 0);
    disk.path.clear();
    disk.nbd.clear();
    disk.caching = Disk().caching;
    disk.sync = Disk().sync;
  }
  for (Network& network : config.networks) network.descriptor = Network().descriptor;
  Json seen = Json::parse(to_json(config));
  if (!sizes.empty()) seen["disk_sizes"] = std::move(sizes);
  return seen;
}

std::string differences(const Json& saved, const MachineConfig& config) {
  const Json found = seen_by_guest(config);
  std::string text;
  for (const Json& difference : Json::diff(saved, found)) {
    const auto pointer = difference["path"].get<std::string>();
    text += (text.empty() ? "" : "; ") + field_of(pointer) + ": expected " +
            value_at(saved, pointer) + ", as it was saved, found " + value_at(found, pointer);
  }
  return text;
}

}  // namespace vmkit::vm::detail
