// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/saved_machine.hpp"

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/json_depth.hpp"
#include "vm/saved_config.hpp"
#include "vm/shown_json.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

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

std::uint64_t state_offset(std::size_t text_length) {
  return (text_offset + text_length + alignment - 1) / alignment * alignment;
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

}  // namespace

std::uint64_t write_saved_head(os::File& file, const MachineConfig& config, const SavedBy& by) {
  const Json head{{"qemu", by.version},
                  {"accelerator", by.accelerator},
                  {"machine", detail::seen_by_guest(config)}};
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
  const std::string text = detail::differences(head["machine"], config);
  if (!text.empty()) fail(file, Errc::invalid_argument, text);
  return offset;
}

}  // namespace vmkit::vm::qemu
