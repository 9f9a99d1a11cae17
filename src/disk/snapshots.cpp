// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "disk/clone_into.hpp"
#include "disk/snapshot_table.hpp"
#include "os/atomic_file.hpp"
#include "os/directory.hpp"
#include "os/disk_lock.hpp"
#include "os/file_lock.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/snapshots.hpp>

namespace vmkit::disk {
namespace {

using Row = SnapshotTable::Row;

constexpr unsigned owner_only_file = 0600;
constexpr unsigned owner_only_folder = 0700;
constexpr ByteSize largest_table{16 << 20};
constexpr const char* image_suffix = ".img";

std::filesystem::path table_path(const std::filesystem::path& folder) {
  return folder / "table";
}

SnapshotTable read_table(const std::filesystem::path& folder) {
  const auto text = os::read_file_if_exists(table_path(folder), largest_table);
  return text ? parse_snapshot_table(*text, table_path(folder)) : SnapshotTable{};
}

void write_table(const std::filesystem::path& folder, const SnapshotTable& table) {
  os::write_file_atomically(table_path(folder), table.to_text(), owner_only_file);
}

/// Whether a restore got as far as to replace the disk shows in which file the disk is.
void settle_restore(SnapshotTable& table, const std::filesystem::path& disk) {
  if (!table.restore) return;
  const auto status = os::regular_file_status(disk);
  if (status && status->inode == table.restore->inode) table.current = table.restore->name;
  table.restore.reset();
}

/// Removes images that the table does not name: of a call that was killed.
void sweep(const std::filesystem::path& folder, const SnapshotTable& table) {
  os::AtomicFile::remove_abandoned(folder);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() != image_suffix) continue;
    const std::string name = entry.path().filename().string();
    const bool known = std::any_of(table.rows.begin(), table.rows.end(),
                                   [&](const Row& row) { return row.file == name; });
    if (!known) std::filesystem::remove(entry.path(), ignored);
  }
}

/// The folder in one caller's hands, its leftovers put in order.
class Turn {
 public:
  Turn(const std::filesystem::path& disk, const std::filesystem::path& folder,
       const CallOptions& options)
      : folder_(folder), lock_(take(folder, options)), table(read_table(folder)) {
    const bool unsettled = table.restore.has_value();
    settle_restore(table, disk);
    if (unsettled) write();
    sweep(folder, table);
  }

  void write() const { write_table(folder_, table); }

  Row& row(const std::string& name) {
    if (Row* found = table.find(name)) return *found;
    throw Error(Errc::not_found, "no snapshot " + name + " in " + folder_.string());
  }

 private:
  static os::FileLock take(const std::filesystem::path& folder, const CallOptions& options) {
    os::create_directories(folder, owner_only_folder);
    return os::FileLock::acquire(folder / "lock", os::FileLock::Kind::exclusive, options);
  }

  const std::filesystem::path& folder_;
  os::FileLock lock_;

 public:
  SnapshotTable table;
};

void require_disk(const std::filesystem::path& disk) {
  if (!os::regular_file_status(disk)) {
    throw Error(Errc::not_found, "snapshots of " + disk.string() + ": there is no such disk");
  }
}

/// Held while the disk, or a snapshot, is replaced or removed: nobody may have it open.
os::File lock_unused(const std::filesystem::path& path, const std::string& what) {
  os::File file = os::File::open(path, os::File::Mode::read_write, 0, false);
  if (os::try_lock_disk(file, os::FileLock::Kind::exclusive)) return file;
  const std::string holders = os::lock_holders(path);
  throw Error(Errc::failed_precondition, what + ": it is in use" +
                                             (holders.empty() ? "" : " by " + holders) +
                                             "; stop its machine first");
}

std::chrono::system_clock::time_point time_of(std::int64_t ns) {
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::nanoseconds(ns)));
}

}  // namespace

Snapshots::Snapshots(std::filesystem::path disk) : disk_(std::move(disk)), folder_(disk_) {
  folder_ += ".snapshots";
}

std::vector<Snapshot> Snapshots::list(const CallOptions& options) const {
  options.check("list snapshots of " + disk_.string());
  std::vector<Snapshot> snapshots;
  for (const Row& row : read_table(folder_).rows) {
    const auto path = folder_ / row.file;
    const auto status = os::regular_file_status(path);
    if (!status) continue;  // removed since the table was read
    snapshots.push_back(
        {row.name, row.parent, time_of(row.created_ns), ByteSize(status->size), path});
  }
  return snapshots;
}

std::string Snapshots::current(const CallOptions& options) const {
  options.check("snapshots of " + disk_.string());
  SnapshotTable table = read_table(folder_);
  settle_restore(table, disk_);
  return table.current;
}

CloneMethod Snapshots::create(const std::string& name, const CloneOptions& clone_options,
                              const CallOptions& options) const {
  if (!is_snapshot_name(name)) {
    throw Error(Errc::invalid_argument,
                "snapshot name \"" + name +
                    "\": expected 1 to 64 letters, digits, '.', '_' and '-', the first a letter "
                    "or digit");
  }
  require_disk(disk_);
  Turn turn(disk_, folder_, options);
  if (turn.table.find(name) != nullptr) {
    throw Error(Errc::already_exists,
                "snapshot " + name + " of " + disk_.string() + ": there is one of that name");
  }
  // Random, so that a name that is used again never meets a file that is still there.
  const std::string file = os::random_name() + image_suffix;
  const CloneMethod method = clone(disk_, folder_ / file, clone_options, options);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  turn.table.rows.push_back({name, turn.table.current,
                             std::chrono::duration_cast<std::chrono::nanoseconds>(now).count(),
                             file});
  turn.table.current = name;
  turn.write();
  return method;
}

CloneMethod Snapshots::restore(const std::string& name, const CloneOptions& clone_options,
                               const CallOptions& options) const {
  Turn turn(disk_, folder_, options);
  const Row& row = turn.row(name);
  // The disk may be gone altogether: then restoring brings it back.
  std::optional<os::File> held;
  if (os::regular_file_status(disk_)) {
    held = lock_unused(disk_, "restore snapshot " + name + " to " + disk_.string());
  }
  os::AtomicFile fresh(disk_, owner_only_file);
  const CloneMethod method = clone_into(fresh, folder_ / row.file, disk_, clone_options, options);
  turn.table.restore = {name, fresh.file().status().inode};
  turn.write();
  fresh.commit(os::AtomicFile::Existing::replace, clone_options.durable
                                                      ? os::AtomicFile::Durability::synced
                                                      : os::AtomicFile::Durability::ephemeral);
  settle_restore(turn.table, disk_);
  turn.write();
  return method;
}

CloneMethod Snapshots::fork(const std::string& name, const std::filesystem::path& target,
                            const CloneOptions& clone_options, const CallOptions& options) const {
  Turn turn(disk_, folder_, options);
  return clone(folder_ / turn.row(name).file, target, clone_options, options);
}

void Snapshots::remove(const std::string& name, const CallOptions& options) const {
  Turn turn(disk_, folder_, options);
  const Row removed = turn.row(name);
  const auto held = lock_unused(folder_ / removed.file, "remove snapshot " + name);
  for (Row& row : turn.table.rows) {
    if (row.parent == name) row.parent = removed.parent;
  }
  if (turn.table.current == name) turn.table.current = removed.parent;
  std::erase_if(turn.table.rows, [&](const Row& row) { return row.name == name; });
  turn.write();
  sweep(folder_, turn.table);
}

}  // namespace vmkit::disk
