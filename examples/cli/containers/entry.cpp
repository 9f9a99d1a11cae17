// SPDX-License-Identifier: Apache-2.0
#include "containers/entry.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "output/json.hpp"
#include "paths.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Json = nlohmann::json;

constexpr int schema = 1;
constexpr std::array<const char*, 3> state_names{"created", "running", "exited"};

std::filesystem::path file_of(const std::filesystem::path& folder) {
  return folder / "vmkit.json";
}

Json time_or_null(const std::optional<Time>& time) {
  return time ? Json(to_text(*time)) : Json();
}

std::optional<Time> time_of(const Json& json, const char* name) {
  const auto& value = json.at(name);
  return value.is_string() ? parse_time(value.get<std::string>()) : std::nullopt;
}

Entry::State state_of(const std::string& name) {
  for (std::size_t i = 0; i < state_names.size(); ++i) {
    if (name == state_names[i]) return static_cast<Entry::State>(i);
  }
  throw Error(Errc::data_corruption, "unknown state " + name);
}

Entry entry_of(const Json& json) {
  if (json.at("schema").get<int>() != schema) throw Error(Errc::unsupported, "another version");
  Entry entry;
  json.at("id").get_to(entry.id);
  json.at("name").get_to(entry.name);
  json.at("arguments").get_to(entry.arguments);
  entry.working_directory = json.at("workingDirectory").get<std::string>();
  json.at("image").get_to(entry.image);
  const Json& manifest = json.at("manifest");
  entry.manifest =
      oci::Descriptor{.media_type = manifest.at("mediaType").get<std::string>(),
                      .digest = Digest::parse(manifest.at("digest").get<std::string>()),
                      .size = ByteSize(manifest.at("size").get<std::uint64_t>())};
  json.at("command").get_to(entry.command);
  json.at("removeAtEnd").get_to(entry.remove_at_end);
  entry.created = time_of(json, "created").value_or(Time());
  entry.state = state_of(json.at("state").get<std::string>());
  entry.started = time_of(json, "started");
  entry.finished = time_of(json, "finished");
  json.at("exitStatus").get_to(entry.exit_status);
  json.at("error").get_to(entry.error);
  entry.socket = json.at("socket").get<std::string>();
  return entry;
}

}  // namespace

void save(const Entry& entry) {
  const Json json{{"schema", schema},
                  {"id", entry.id},
                  {"name", entry.name},
                  {"arguments", entry.arguments},
                  {"workingDirectory", entry.working_directory.string()},
                  {"image", entry.image},
                  {"manifest",
                   {{"mediaType", entry.manifest->media_type},
                    {"digest", entry.manifest->digest.to_string()},
                    {"size", entry.manifest->size.bytes()}}},
                  {"command", entry.command},
                  {"removeAtEnd", entry.remove_at_end},
                  {"created", to_text(entry.created)},
                  {"state", state_names[static_cast<std::size_t>(entry.state)]},
                  {"started", time_or_null(entry.started)},
                  {"finished", time_or_null(entry.finished)},
                  {"exitStatus", entry.exit_status},
                  {"error", entry.error},
                  {"socket", entry.socket.string()}};
  const auto path = file_of(entry.folder);
  // Only one process at a time has a container, and the folder is this user's alone.
  auto fresh = path;
  fresh += ".new";
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file << to_text(json, 2) << '\n';
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0) {
    throw Error::from_errno(errno, "write " + path.string());
  }
}

std::optional<Entry> load_entry(const std::filesystem::path& folder) {
  std::ifstream file(file_of(folder), std::ios::binary);
  if (!file) return std::nullopt;
  try {
    Entry entry = entry_of(Json::parse(file));
    entry.folder = folder;
    return entry;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void print_id(const Entry& entry, bool json) {
  if (json) return print({{"id", entry.id}, {"name", entry.name}});
  std::printf("%s\n", entry.id.c_str());
}

std::filesystem::path containers_folder(const std::filesystem::path& store) {
  return store / "containers";
}

std::filesystem::path socket_path(const std::string& id) {
  const auto folder = runtime_folder() / ("vmkit-" + std::to_string(::getuid()));
  struct stat status {};
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Error::from_errno(errno, "make " + folder.string());
  }
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != ::getuid() || (status.st_mode & 077) != 0) {
    throw Error(Errc::permission_denied,
                folder.string() +
                    ": expected a folder that is this user's alone (0700); remove it, or set "
                    "XDG_RUNTIME_DIR");
  }
  return folder / (id + ".sock");
}

}  // namespace cli
