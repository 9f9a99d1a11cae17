// SPDX-License-Identifier: Apache-2.0
#include "rootfs/disk_pair.hpp"

#include <vector>

#include "rootfs/disk_tree.hpp"

namespace vmkit::rootfs {
namespace {

class PairWalk {
 public:
  PairWalk(ext4::Reader& lower, ext4::Reader& upper,
           const std::function<void(const DiskPair&)>& visit)
      : lower_(lower), upper_(upper), lower_folders_(lower), upper_folders_(upper), visit_(visit) {}

  /// Without recursion: a path can have two thousand folders.
  void run() {
    enter({{}, node(lower_, lower_.root()), node(upper_, upper_.root()), true});
    while (!way_.empty()) {
      Folder& folder = way_.back();
      if (folder.in_lower == folder.lower.size() && folder.in_upper == folder.upper.size()) {
        way_.pop_back();
      } else {
        enter(next(folder));
      }
    }
  }

 private:
  /// A folder of either disk or both, and what of its entries has been visited.
  struct Folder {
    std::string path;
    bool both = false;
    std::vector<FolderEntry> lower;
    std::vector<FolderEntry> upper;
    std::size_t in_lower = 0;
    std::size_t in_upper = 0;
  };

  static DiskNode node(ext4::Reader& disk, ext4::Inode inode) { return {inode, disk.stat(inode)}; }

  static bool is_folder(const std::optional<DiskNode>& node) {
    return node && node->status.type == ext4::FileType::directory;
  }

  void enter(const DiskPair& pair) {
    visit_(pair);
    Folder folder;
    if (is_folder(pair.lower)) folder.lower = lower_folders_.enter(pair.lower->inode);
    if (is_folder(pair.upper)) folder.upper = upper_folders_.enter(pair.upper->inode);
    if (folder.lower.empty() && folder.upper.empty()) return;
    folder.path = pair.path;
    folder.both = is_folder(pair.lower) && is_folder(pair.upper);
    way_.push_back(std::move(folder));
  }

  DiskPair next(Folder& folder) {
    const bool lower_left = folder.in_lower < folder.lower.size();
    const bool upper_left = folder.in_upper < folder.upper.size();
    const int order =
        !lower_left ? 1
        : !upper_left
            ? -1
            : folder.lower[folder.in_lower].name.compare(folder.upper[folder.in_upper].name);
    const FolderEntry& first =
        order <= 0 ? folder.lower[folder.in_lower] : folder.upper[folder.in_upper];
    DiskPair pair;
    pair.path = join_path(folder.path, first.name);
    pair.parents_stay = folder.both;
    if (order <= 0) pair.lower = node(lower_, folder.lower[folder.in_lower++].inode);
    if (order >= 0) pair.upper = node(upper_, folder.upper[folder.in_upper++].inode);
    return pair;
  }

  ext4::Reader& lower_;
  ext4::Reader& upper_;
  FolderWalk lower_folders_;
  FolderWalk upper_folders_;
  const std::function<void(const DiskPair&)>& visit_;
  std::vector<Folder> way_;
};

}  // namespace

void walk_pairs(ext4::Reader& lower, ext4::Reader& upper,
                const std::function<void(const DiskPair&)>& visit) {
  PairWalk(lower, upper, visit).run();
}

}  // namespace vmkit::rootfs
