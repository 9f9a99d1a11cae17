// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/saved_machine.hpp"

#include <array>
#include <cctype>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/json_depth.hpp"
#include "vm/shown_json.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/vm/config_json.hpp>

namespace vmkit::vm::qemu {
namespace {

using Json = nlohmann::json;
using detail::shown;

constexpr std::string_view magic = "vmkit machine 1\n";
constexpr std::size_t length_offset = magic.size();
constexpr std::size_t text_offset = length_offset + sizeof(std::uint32_t);
constexpr std::size_t longest_text = 1 << 20;
constexpr std::size_t deepest_head = 8;
constexpr std::uint64_t alignment = 4096;
constexpr std::size_t longest_field = 200;

std::uint64_t state_offset(std::size_t text_length) {
  return (text_offset + text_length + alignment - 1) / alignment * alignment;
}

/// What the guest has seen of the configuration.
Json seen_by_guest(MachineConfig config) {
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

[[noreturn]] void fail(const os::File& file, Errc code, const std::string& what) {
  throw Error(code, "saved machine " + file.path().string() + ": " + what);
}

Json read_head(const os::File& file, std::uint64_t& offset) {
  const auto garbled = [&](const std::string& what) { fail(file, Errc::data_corruption, what); };
  std::array<std::byte, text_offset> start{};
  if (file.read_at(0, start) != start.size() ||
      std::memcmp(start.data(), magic.data(), magic.size()) != 0) {
    garbled("expected a file that Machine::save has written");
  }
  const auto length = load_le<std::uint32_t>(start.data() + length_offset);
  if (length > longest_text) garbled("its head is too long");
  std::vector<std::byte> text(length);
  if (file.read_at(text_offset, text) != text.size()) garbled("its head ends early");
  offset = state_offset(length);
  const std::string_view written(reinterpret_cast<const char*>(text.data()), text.size());
  if (json_deeper_than(written, deepest_head)) garbled("its head is nested too deeply");
  Json head = Json::parse(written, nullptr, false);
  if (!head.is_object() || !head.contains("qemu") || !head["qemu"].is_string() ||
      !head.contains("accelerator") || !head["accelerator"].is_string() ||
      !head.contains("machine")) {
    garbled("its head is no JSON object with a \"qemu\", an \"accelerator\" and a \"machine\"");
  }
  return head;
}

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

std::uint64_t write_saved_head(os::File& file, const MachineConfig& config, const SavedBy& by) {
  const Json head{
      {"qemu", by.version}, {"accelerator", by.accelerator}, {"machine", seen_by_guest(config)}};
  const std::string text = head.dump();
  std::string bytes(magic);
  bytes.resize(text_offset);
  store_le(reinterpret_cast<std::byte*>(bytes.data()) + length_offset,
           static_cast<std::uint32_t>(text.size()));
  bytes += text;
  file.write_at(0, std::as_bytes(std::span(bytes)));
  return state_offset(text.size());
}

std::uint64_t check_saved_head(const os::File& file, const MachineConfig& config,
                               const SavedBy& by) {
  std::uint64_t offset = 0;
  const Json head = read_head(file, offset);
  if (head["qemu"] != by.version || head["accelerator"] != by.accelerator) {
    fail(file, Errc::unsupported,
         "it was saved by qemu " + shown(head["qemu"]) + " with " + shown(head["accelerator"]) +
             ", this is qemu \"" + by.version + "\" with \"" + by.accelerator + "\"");
  }
  const Json& saved = head["machine"];
  const Json found = seen_by_guest(config);
  const Json differences = Json::diff(saved, found);
  std::string text;
  for (const Json& difference : differences) {
    const auto pointer = difference["path"].get<std::string>();
    text += (text.empty() ? "" : "; ") + field_of(pointer) + ": expected " +
            value_at(saved, pointer) + ", as it was saved, found " + value_at(found, pointer);
  }
  if (!text.empty()) fail(file, Errc::invalid_argument, text);
  return offset;
}

}  // namespace vmkit::vm::qemu
