// SPDX-License-Identifier: Apache-2.0
#include "container/record.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>
#include <utility>

#include "container/folder.hpp"
#include "os/atomic_file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::container {
namespace {

using Json = nlohmann::json;
using Seconds = std::chrono::seconds;

constexpr const char* record_name = "container.json";
constexpr int schema_version = 1;
constexpr ByteSize record_limit = 1_MiB;

constexpr std::array<std::pair<RecordState, std::string_view>, 4> states{{
    {RecordState::created, "created"},
    {RecordState::running, "running"},
    {RecordState::ended, "ended"},
    {RecordState::abandoned, "abandoned"},
}};

RecordState parse_state(std::string_view name) {
  for (const auto& [state, known] : states) {
    if (known == name) return state;
  }
  throw Error(Errc::data_corruption, "unknown state \"" + std::string(name) + "\"");
}

ContainerRecord parse(const std::string& text) {
  const Json json = Json::parse(text);
  if (const int version = json.at("schema").get<int>(); version != schema_version) {
    throw Error(Errc::unsupported,
                "expected version 1 of the record, found version " + std::to_string(version));
  }
  ContainerRecord record;
  record.name = json.at("name").get<std::string>();
  record.image = json.at("image").get<std::string>();
  record.created =
      std::chrono::system_clock::time_point(Seconds(json.at("created").get<std::int64_t>()));
  record.kept = json.at("kept").get<bool>();
  record.state = parse_state(json.at("state").get<std::string>());
  record.reason = json.at("reason").get<std::string>();
  return record;
}

}  // namespace

std::string_view to_string(RecordState state) noexcept {
  return states[static_cast<std::size_t>(state)].second;
}

void write_record(const ContainerRecord& record) {
  const auto created =
      std::chrono::duration_cast<Seconds>(record.created.time_since_epoch()).count();
  const Json json{{"schema", schema_version}, {"name", record.name},
                  {"image", record.image},    {"created", created},
                  {"kept", record.kept},      {"state", to_string(record.state)},
                  {"reason", record.reason}};
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  os::AtomicFile file(record.folder / record_name);
  file.file().write_at(0, std::as_bytes(std::span(text)));
  using Durability = os::AtomicFile::Durability;
  file.commit(os::AtomicFile::Existing::replace,
              record.kept ? Durability::synced : Durability::ephemeral);
}

std::optional<ContainerRecord> read_record(const std::filesystem::path& folder) {
  const auto path = folder / record_name;
  const auto text = os::read_file_if_exists(path, record_limit);
  if (!text) return std::nullopt;
  try {
    ContainerRecord record = parse(*text);
    record.folder = folder;
    return record;
  } catch (const Json::exception& error) {
    throw Error(Errc::data_corruption, path.string() + ": no container's record: " + error.what());
  } catch (const Error& error) {
    throw error.with_context(path.string());
  }
}

std::filesystem::path container_disk(const std::filesystem::path& folder) {
  return folder / "disk.ext4";
}

std::vector<ContainerRecord> list_containers(const std::filesystem::path& parent) {
  std::vector<ContainerRecord> records;
  std::error_code none;  // no such parent, or one that we may not read: nothing to list
  for (std::filesystem::directory_iterator entries(parent, none);
       entries != std::filesystem::directory_iterator(); entries.increment(none)) {
    try {
      // Looked at first: who lets go of the folder has written the record before.
      const auto held = Folder::is_held(entries->path());
      if (!held) continue;
      auto record = read_record(entries->path());
      if (!record) continue;
      record->in_use = *held;
      // One that is kept may be made now and started by another process.
      const bool waits = record->state == RecordState::created && record->kept;
      if (!*held && !waits && record->state != RecordState::ended) {
        record->state = RecordState::abandoned;
      }
      records.push_back(std::move(*record));
    } catch (const Error&) {
      // Not ours, or removed in this moment.
    }
  }
  std::sort(records.begin(), records.end(),
            [](const auto& a, const auto& b) { return a.folder < b.folder; });
  return records;
}

}  // namespace vmkit::container
