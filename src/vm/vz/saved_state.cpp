// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/saved_state.hpp"

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_depth.hpp"
#include "os/clone_file.hpp"
#include "os/file.hpp"
#include "vm/saved_config.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {
namespace {

using Json = nlohmann::json;

// At the very end: the length of the text, then the magic.
constexpr std::string_view magic = "vmkit vz state 1";
constexpr std::size_t end_size = sizeof(std::uint32_t) + magic.size();
constexpr std::size_t longest_text = 1 << 20;
constexpr std::size_t deepest_tail = 8;
constexpr std::uint64_t slowest = 32 << 20;  // bytes a second

[[noreturn]] void fail(const os::File& file, Errc code, const std::string& what) {
  throw Error(code, "saved machine " + file.path().string() + ": " + what);
}

/// The tail, and how many bytes the framework's part has.
std::pair<Json, std::uint64_t> read_tail(const os::File& file) {
  const auto garbled = [&](const std::string& what) { fail(file, Errc::data_corruption, what); };
  const std::uint64_t size = file.size().bytes();
  std::array<std::byte, end_size> end{};
  if (size < end.size() || file.read_at(size - end.size(), end) != end.size() ||
      std::memcmp(end.data() + sizeof(std::uint32_t), magic.data(), magic.size()) != 0) {
    garbled("expected a file that Machine::save has written with this backend");
  }
  const auto length = load_le<std::uint32_t>(end.data());
  if (length > longest_text || length > size - end.size()) garbled("its tail is too long");
  const std::uint64_t state = size - end.size() - length;
  std::vector<std::byte> text(length);
  if (file.read_at(state, text) != text.size()) garbled("its tail ends early");
  const std::string_view written(reinterpret_cast<const char*>(text.data()), text.size());
  if (json_deeper_than(written, deepest_tail)) garbled("its tail is nested too deeply");
  Json tail = Json::parse(written, nullptr, false);
  if (!tail.is_object() || !tail.contains("machine") || !tail.contains("identifier") ||
      !tail["identifier"].is_string() || !tail.contains("addresses") ||
      !tail["addresses"].is_array()) {
    garbled("its tail is no JSON object with \"machine\", \"identifier\" and \"addresses\"");
  }
  return {std::move(tail), state};
}

}  // namespace

std::chrono::milliseconds state_limit(std::chrono::milliseconds response_limit, ByteSize memory) {
  return response_limit + std::chrono::seconds(memory.bytes() / slowest);
}

void write_tail(const std::filesystem::path& state, const MachineConfig& config,
                const VzPlan& plan) {
  Json addresses = Json::array();
  for (const PlannedNetwork& network : plan.networks) addresses.push_back(network.mac);
  const Json tail{{"machine", detail::seen_by_guest(config)},
                  {"identifier", plan.machine_identifier},
                  {"addresses", std::move(addresses)}};
  std::string text = tail.dump();
  const auto length = static_cast<std::uint32_t>(text.size());
  text.resize(text.size() + sizeof length);
  store_le(reinterpret_cast<std::byte*>(text.data()) + length, length);
  text += magic;
  auto file = os::File::open(state, os::File::Mode::read_write);
  file.write_at(file.size().bytes(), std::as_bytes(std::span(text)));
  file.sync();
}

MachineConfig take_state(const std::filesystem::path& path, const std::filesystem::path& state,
                         const MachineConfig& config) {
  const auto file = os::File::open(path, os::File::Mode::read);
  const auto [tail, size] = read_tail(file);
  const std::string other = detail::differences(tail["machine"], config);
  if (!other.empty()) fail(file, Errc::invalid_argument, other);
  MachineConfig same = config;
  same.machine_identifier = tail["identifier"].get<std::string>();
  const Json& addresses = tail["addresses"];
  if (addresses.size() != same.networks.size()) {
    fail(file, Errc::data_corruption, "it has not one address for each network");
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (!addresses[i].is_string()) fail(file, Errc::data_corruption, "an address is no text");
    same.networks[i].mac = addresses[i].get<std::string>();
  }
  for (const ConfigProblem& problem : vm::validate(same)) {
    fail(file, Errc::data_corruption, problem.field + ": " + problem.message);
  }
  // The framework is given its own part only: on APFS that copies nothing.
  if (os::try_clone_file(file, state)) {
    std::filesystem::permissions(state, std::filesystem::perms(0600));  // it has the file's
    os::File::open(state, os::File::Mode::read_write).resize(ByteSize(size));
  } else {
    auto copy = os::File::open(state, os::File::Mode::create_new, 0600);
    os::copy_range(file, copy, 0, size);
  }
  return same;
}

}  // namespace vmkit::vm::vz
