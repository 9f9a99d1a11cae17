// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <unordered_map>
#include <vector>

#include "rootfs/disk_member.hpp"
#include "rootfs/disk_tree.hpp"

#include <vmkit/rootfs/export_tar.hpp>

namespace vmkit::rootfs {
namespace {

class Exporting {
 public:
  Exporting(ext4::Reader& disk, Sink& target, const ExportOptions& options,
            const CallOptions& call_options)
      : disk_(disk),
        folders_(disk),
        tar_(target),
        meter_(call_options.progress, "export", {}, ProgressUnit::bytes, 0),
        members_(disk, tar_, options.all_times, [&](std::uint64_t bytes) {
          call_options.check("export");
          meter_.set(bytes);
        }) {}

  ExportResult run() {
    members_.write({}, disk_.root(), disk_.stat(disk_.root()));
    walk();
    tar_.finish();
    meter_.flush();
    result_.entries = members_.entries();
    result_.content = ByteSize(members_.content_bytes());
    return result_;
  }

 private:
  struct Folder {
    std::string path;
    std::vector<FolderEntry> entries;
    std::size_t next = 0;
  };

  /// Depth first, without recursion: a path can have two thousand folders.
  void walk() {
    std::vector<Folder> way;
    way.push_back({{}, folders_.enter(disk_.root())});
    while (!way.empty()) {
      Folder& folder = way.back();
      if (folder.next == folder.entries.size()) {
        way.pop_back();
        continue;
      }
      const FolderEntry& entry = folder.entries[folder.next++];
      const ext4::Inode inode = entry.inode;
      std::string path = join_path(folder.path, entry.name);
      const ext4::FileStatus status = disk_.stat(inode);
      member(path, inode, status);
      if (status.type == ext4::FileType::directory) {
        way.push_back({std::move(path), folders_.enter(inode)});
      }
    }
  }

  void member(const std::string& path, ext4::Inode inode, const ext4::FileStatus& status) {
    if (status.type == ext4::FileType::socket) {
      ++result_.skipped_sockets;
      return;
    }
    if (status.type != ext4::FileType::directory && status.links > 1) {
      const auto [first, is_first] =
          first_names_.try_emplace(static_cast<std::uint32_t>(inode), path);
      if (!is_first) return members_.write_link(path, first->second, status);
    }
    members_.write(path, inode, status);
  }

  ext4::Reader& disk_;
  FolderWalk folders_;
  archive::TarWriter tar_;
  ProgressMeter meter_;
  DiskMemberWriter members_;
  std::unordered_map<std::uint32_t, std::string> first_names_;  // of inodes with several
  ExportResult result_;
};

}  // namespace

ExportResult export_tar(ext4::Reader& disk, Sink& target, const ExportOptions& options,
                        const CallOptions& call_options) {
  call_options.check("export");
  return Exporting(disk, target, options, call_options).run();
}

}  // namespace vmkit::rootfs
