// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "output/time.hpp"

#include <vmkit/oci/manifest.hpp>

namespace cli {

/// What this program notes of a container in its folder, vmkit.json: how it was asked for, so that
/// it can be started again, and how it stands. The library's own record is beside it.
struct Entry {
  enum class State { created, running, exited };

  std::filesystem::path folder;
  std::string id;  ///< Twelve hexadecimal digits; the folder's name.
  std::string name;
  /// Of `run` or `create`, with the folder in which they were typed.
  std::vector<std::string> arguments;
  std::filesystem::path working_directory;
  std::string image;                               ///< As a reference, complete.
  std::optional<vmkit::oci::Descriptor> manifest;  ///< Always there.
  std::string command;                             ///< For people.
  bool remove_at_end = false;
  Time created;
  State state = State::created;
  std::optional<Time> started;
  std::optional<Time> finished;
  int exit_status = 0;           ///< Once it has exited.
  std::string error;             ///< Why it could not be run, if it could not.
  std::filesystem::path socket;  ///< Of its monitor, while it runs.
};

/// Replaces what was noted, whole.
void save(const Entry& entry);
/// Nothing if there is no such file, or none that can be read.
std::optional<Entry> load_entry(const std::filesystem::path& folder);

/// What the commands that make a container print: its id or, as JSON, its name too.
void print_id(const Entry& entry, bool json);

/// Where a store has its containers.
std::filesystem::path containers_folder(const std::filesystem::path& store);

/// Where the monitor of a container is to listen: in a folder of this user's alone, below the
/// runtime folder, since a socket's path must be short. Throws permission_denied if somebody else
/// has made that folder.
std::filesystem::path socket_path(const std::string& id);

}  // namespace cli
