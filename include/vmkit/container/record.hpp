// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vmkit::container {

enum class RecordState {
  created,    ///< Not started yet. One that is kept may wait for Container::open().
  running,    ///< A Container has it, and it was started.
  ended,      ///< Its machine has ended; ContainerRecord::reason tells how.
  abandoned,  ///< Its process has ended without ending it, and its machine with that.
};

/// "created", "running", …
std::string_view to_string(RecordState state) noexcept;

/// What a container's folder tells of it.
struct ContainerRecord {
  std::filesystem::path folder;
  std::string name;   ///< ContainerOptions::hostname.
  std::string image;  ///< The digest of the image's manifest.
  std::chrono::system_clock::time_point created = {};
  bool kept = false;  ///< ContainerOptions::keep.
  /// Some Container has the folder now, in this process or another.
  bool in_use = false;
  RecordState state = RecordState::created;
  /// How the machine ended, as vm::MachineEventReason is spelt, with what was seen of a crash;
  /// empty before that.
  std::string reason = {};
};

/// The containers whose folders are directly below `parent`, in the order of their names. Folders
/// that are something else, or whose record cannot be read, are passed over. Changes nothing;
/// remove an abandoned one that is not kept with Container::remove_abandoned(), and go on with one
/// that is kept by Container::open().
std::vector<ContainerRecord> list_containers(const std::filesystem::path& parent);

/// Where the disk of the container in `folder` is, whether there is one or not: for
/// disk::Snapshots, commit(), ext4::Reader and others, while its machine does not run.
std::filesystem::path container_disk(const std::filesystem::path& folder);

}  // namespace vmkit::container
