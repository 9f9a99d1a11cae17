// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmkit::disk {

/// The table of a disk's snapshots, as docs/formats/disks.md has it.
struct SnapshotTable {
  struct Row {
    std::string name;
    std::string parent;  // empty if none
    std::int64_t created_ns = 0;
    std::string file;
  };
  /// A restore that was under way when the table was written.
  struct Restore {
    std::string name;
    std::uint64_t inode = 0;  // of the file that then replaced the disk, or did not
  };

  std::string current;
  std::optional<Restore> restore;
  std::vector<Row> rows;

  Row* find(std::string_view name);
  std::string to_text() const;
};

bool is_snapshot_name(std::string_view name);

/// Throws data_corruption with the line, naming `path`.
SnapshotTable parse_snapshot_table(std::string_view text, const std::filesystem::path& path);

}  // namespace vmkit::disk
