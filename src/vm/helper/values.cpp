// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/values.hpp"

#include <string_view>
#include <utility>

#include <vmkit/vm/config_json.hpp>

namespace vmkit::vm::helper {
namespace {

constexpr std::size_t most_elements = 10'000;

[[noreturn]] void fail_value(const std::string& expected, const Json& found) {
  throw Error(Errc::data_corruption, "a helper's message: expected " + expected + ", found " +
                                         std::string(found.type_name()));
}

/// An enumerator, the last of which is `last`, by its name.
template <class Enum>
Enum enumerator(const Json& json, Enum last, const char* what) {
  const auto& name = json.get_ref<const std::string&>();
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (to_string(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  fail_value(what, json);
}

std::string text_of(const Json& json, const char* member) {
  return json.at(member).get<std::string>();
}

template <class Value>
std::optional<Value> optional_of(const Json& json, const char* member) {
  const auto found = json.find(member);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return found->get<Value>();
}

const Json& list_of(const Json& json) {
  if (!json.is_array() || json.size() > most_elements) fail_value("a list", json);
  return json;
}

Architecture architecture_of(const std::string& name) {
  for (const Architecture one : {Architecture::x86_64, Architecture::arm64}) {
    if (to_string(one) == name) return one;
  }
  throw Error(Errc::data_corruption, "a helper's message: expected an architecture");
}

std::vector<std::string> path_texts(const std::vector<std::filesystem::path>& paths) {
  return {paths.begin(), paths.end()};
}

std::vector<std::filesystem::path> paths_of(const Json& json, const char* member) {
  const auto texts = json.at(member).get<std::vector<std::string>>();
  return {texts.begin(), texts.end()};
}

std::chrono::milliseconds milliseconds_of(const Json& json, const char* member) {
  return std::chrono::milliseconds(json.at(member).get<std::uint32_t>());
}

/// One of a machine's parts, as a definition has it.
template <class Part>
Json write_part(std::vector<Part> MachineConfig::*list, const char* member, const Part& part) {
  MachineConfig config;
  config.*list = {part};
  return Json::parse(to_json(config)).at(member).at(0);
}

template <class Part>
Part read_part(std::vector<Part> MachineConfig::*list, const char* member, const Json& json) {
  MachineConfig config =
      parse_machine_config(Json{{"schema", 1}, {member, Json::array({json})}}.dump());
  if ((config.*list).size() != 1) fail_value("one part of a machine", json);
  return std::move((config.*list)[0]);
}

}  // namespace

Json write_error(const Error& error) {
  Json json{{"code", static_cast<int>(error.code())}, {"message", error.what()}};
  if (const auto native = error.native()) {
    json["native"] = {{"domain", static_cast<int>(native->domain)}, {"code", native->code}};
  }
  return json;
}

Error read_error(const Json& json) {
  const auto code = json.at("code").get<int>();
  if (code < static_cast<int>(Errc::invalid_argument) || code > static_cast<int>(Errc::internal)) {
    fail_value("the code of an error", json);
  }
  std::optional<NativeError> native;
  if (const auto found = json.find("native"); found != json.end()) {
    const auto domain = found->at("domain").get<int>();
    if (domain < 0 || domain > static_cast<int>(ErrorDomain::qmp)) {
      fail_value("the domain of an error", json);
    }
    native = {static_cast<ErrorDomain>(domain), found->at("code").get<std::int64_t>()};
  }
  return {static_cast<Errc>(code), text_of(json, "message"), native};
}

Json write_event(const MachineEvent& event) {
  Json json{{"state", to_string(event.state)}, {"reason", to_string(event.reason)}};
  if (event.error) json["error"] = write_error(*event.error);
  return json;
}

MachineEvent read_event(const Json& json) {
  MachineEvent event{enumerator(json.at("state"), MachineState::failed, "a state"),
                     enumerator(json.at("reason"), MachineEventReason::failed, "a reason")};
  if (const auto error = json.find("error"); error != json.end()) event.error = read_error(*error);
  return event;
}

Json write_capabilities(const Capabilities& capabilities) {
  Json features = Json::array();
  for (const FeatureStatus& status : capabilities.features) {
    features.push_back({{"feature", to_string(status.feature)},
                        {"limitation", to_string(status.limitation)},
                        {"reason", status.reason},
                        {"way_out", status.way_out}});
  }
  return {{"backend", capabilities.backend},
          {"architecture", to_string(capabilities.architecture)},
          {"version", capabilities.version},
          {"accelerator", capabilities.accelerator},
          {"features", std::move(features)}};
}

Capabilities read_capabilities(const Json& json) {
  Capabilities all{.backend = text_of(json, "backend"),
                   .architecture = architecture_of(text_of(json, "architecture")),
                   .version = text_of(json, "version"),
                   .accelerator = text_of(json, "accelerator"),
                   .features = {}};
  const Json& told = list_of(json.at("features"));
  for (int i = 0; i <= static_cast<int>(Feature::share_change); ++i) {
    const auto feature = static_cast<Feature>(i);
    FeatureStatus status{feature, Limitation::unsupported_system,
                         "the helper program does not know of it", "use one of this version"};
    for (const Json& one : told) {
      if (text_of(one, "feature") != to_string(feature)) continue;
      status = {feature,
                enumerator(one.at("limitation"), Limitation::unsupported_system, "a limitation"),
                text_of(one, "reason"), text_of(one, "way_out")};
    }
    all.features.push_back(std::move(status));
  }
  return all;
}

Json write_problems(const std::vector<ConfigProblem>& problems) {
  Json list = Json::array();
  for (const ConfigProblem& problem : problems) list.push_back({problem.field, problem.message});
  return list;
}

std::vector<ConfigProblem> read_problems(const Json& json) {
  std::vector<ConfigProblem> problems;
  for (const Json& one : list_of(json)) {
    problems.push_back({one.at(0).get<std::string>(), one.at(1).get<std::string>()});
  }
  return problems;
}

Json write_addresses(const std::vector<std::optional<NetworkAddresses>>& addresses) {
  Json list = Json::array();
  for (const auto& one : addresses) {
    if (!one) {
      list.push_back(nullptr);
      continue;
    }
    list.push_back({{"mac", one->mac},
                    {"address", one->address},
                    {"prefix_length", one->prefix_length},
                    {"gateway", one->gateway},
                    {"dns", one->dns}});
  }
  return list;
}

std::vector<std::optional<NetworkAddresses>> read_addresses(const Json& json) {
  std::vector<std::optional<NetworkAddresses>> all;
  for (const Json& one : list_of(json)) {
    auto& addresses = all.emplace_back();
    if (one.is_null()) continue;
    addresses = NetworkAddresses{.mac = text_of(one, "mac"),
                                 .address = text_of(one, "address"),
                                 .prefix_length = one.at("prefix_length").get<unsigned>(),
                                 .gateway = text_of(one, "gateway"),
                                 .dns = one.at("dns").get<std::vector<std::string>>()};
  }
  return all;
}

Json write_statistics(const MachineStatistics& statistics) {
  Json json{{"cpu_us", statistics.cpu_time.count()},
            {"resident", statistics.resident_memory.bytes()}};
  if (statistics.guest_memory) json["guest"] = statistics.guest_memory->bytes();
  return json;
}

MachineStatistics read_statistics(const Json& json) {
  MachineStatistics statistics{
      .cpu_time = std::chrono::microseconds(json.at("cpu_us").get<std::int64_t>()),
      .resident_memory = ByteSize(json.at("resident").get<std::uint64_t>())};
  if (const auto guest = optional_of<std::uint64_t>(json, "guest")) {
    statistics.guest_memory = ByteSize(*guest);
  }
  return statistics;
}

Json write_diagnostics(const MachineDiagnostics& diagnostics) {
  Json json{{"accelerator", diagnostics.accelerator},
            {"boot_attempts", diagnostics.boot_attempts},
            {"folder", diagnostics.folder.native()},
            {"screen", diagnostics.screen.native()}};
  if (diagnostics.process_id) json["process_id"] = *diagnostics.process_id;
  return json;
}

MachineDiagnostics read_diagnostics(const Json& json) {
  return {.process_id = optional_of<std::int64_t>(json, "process_id"),
          .accelerator = text_of(json, "accelerator"),
          .boot_attempts = json.at("boot_attempts").get<unsigned>(),
          .folder = text_of(json, "folder"),
          .screen = text_of(json, "screen")};
}

Json write_progress(const Progress& progress) {
  return {{"phase", progress.phase},
          {"subject", progress.subject},
          {"entries", progress.unit == ProgressUnit::entries},
          {"done", progress.done},
          {"total", progress.total}};
}

Progress read_progress(const Json& json) {
  return {.phase = json.at("phase").get_ref<const std::string&>(),
          .subject = json.at("subject").get_ref<const std::string&>(),
          .unit = json.at("entries").get<bool>() ? ProgressUnit::entries : ProgressUnit::bytes,
          .done = json.at("done").get<std::uint64_t>(),
          .total = json.at("total").get<std::uint64_t>()};
}

Json write_config(const MachineConfig& config) {
  MachineConfig plain = config;
  const bool bytes = std::holds_alternative<std::vector<std::byte>>(plain.boot.initrd);
  if (bytes) plain.boot.initrd = {};
  Json descriptors = Json::array();
  for (std::size_t i = 0; i < plain.networks.size(); ++i) {
    if (plain.networks[i].descriptor >= 0) descriptors.push_back(i);
    plain.networks[i].descriptor = Network().descriptor;
  }
  return {{"config", Json::parse(to_json(plain))},
          {"initrd_bytes", bytes},
          {"descriptors", std::move(descriptors)}};
}

Accompanied read_config(const Json& json) {
  Accompanied read{.config = parse_machine_config(json.at("config").dump()),
                   .initrd_bytes = json.at("initrd_bytes").get<bool>(),
                   .descriptors = {}};
  for (const Json& one : list_of(json.at("descriptors"))) {
    const auto index = one.get<std::size_t>();
    if (index >= read.config.networks.size()) fail_value("the number of a network", one);
    read.descriptors.push_back(index);
  }
  return read;
}

Json write_share(const Share& share) {
  return write_part(&MachineConfig::shares, "shares", share);
}

Share read_share(const Json& json) {
  return read_part(&MachineConfig::shares, "shares", json);
}

Json write_disk(const Disk& disk) {
  return write_part(&MachineConfig::disks, "disks", disk);
}

Disk read_disk(const Json& json) {
  return read_part(&MachineConfig::disks, "disks", json);
}

Json write_options(const HelperOptions& options) {
  if (!options.qemu) {
    return {{"backend", "vz"},
            {"runtime_directory", options.vz.runtime_directory.native()},
            {"response_limit_ms", options.vz.response_limit.count()}};
  }
  const QemuOptions& qemu = *options.qemu;
  return {{"backend", "qemu"},
          {"binary", qemu.binary.native()},
          {"search_path", path_texts(qemu.search_path)},
          {"accelerator", static_cast<int>(qemu.accelerator)},
          {"sandbox", qemu.sandbox},
          {"virtiofsd", qemu.virtiofsd.native()},
          {"virtiofsd_search", path_texts(qemu.virtiofsd_search)},
          {"firmware_search", path_texts(qemu.firmware_search)},
          {"runtime_directory", qemu.runtime_directory.native()},
          {"response_limit_ms", qemu.response_limit.count()}};
}

std::shared_ptr<Backend> make_served_backend(const Json& options, std::shared_ptr<LogSink> log) {
  if (text_of(options, "backend") == "vz") {
    return make_vz_backend({.runtime_directory = text_of(options, "runtime_directory"),
                            .response_limit = milliseconds_of(options, "response_limit_ms"),
                            .log = std::move(log)});
  }
  const auto accelerator = options.at("accelerator").get<int>();
  if (accelerator < 0 || accelerator > static_cast<int>(QemuAccelerator::tcg)) {
    fail_value("an accelerator", options);
  }
  return make_qemu_backend({.binary = text_of(options, "binary"),
                            .search_path = paths_of(options, "search_path"),
                            .accelerator = static_cast<QemuAccelerator>(accelerator),
                            .sandbox = options.at("sandbox").get<bool>(),
                            .virtiofsd = text_of(options, "virtiofsd"),
                            .virtiofsd_search = paths_of(options, "virtiofsd_search"),
                            .firmware_search = paths_of(options, "firmware_search"),
                            .runtime_directory = text_of(options, "runtime_directory"),
                            .response_limit = milliseconds_of(options, "response_limit_ms"),
                            .log = std::move(log)});
}

}  // namespace vmkit::vm::helper
