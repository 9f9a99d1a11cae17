// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rootfs/disk_compare.hpp"
#include "rootfs/disk_member.hpp"
#include "rootfs/disk_pair.hpp"
#include "rootfs/disk_tree.hpp"
#include "rootfs/member_name.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/rootfs/diff.hpp>

namespace vmkit::rootfs {
namespace {

constexpr std::string_view whiteout_mark = ".wh.";

bool is_folder(const std::optional<DiskNode>& node) {
  return node && node->status.type == ext4::FileType::directory;
}

class Diffing {
 public:
  Diffing(ext4::Reader& lower, ext4::Reader& upper, Sink& layer, const DiffOptions& options,
          const CallOptions& call_options)
      : lower_(lower),
        upper_(upper),
        call_(call_options),
        tar_(layer),
        meter_(call_options.progress, "diff", {}, ProgressUnit::bytes, 0),
        compare_(lower, upper, options.upper_is_clone, [this] { call_.check("diff"); }),
        members_(upper, tar_, false, [this](std::uint64_t bytes) {
          call_.check("diff");
          meter_.set(bytes);
        }) {}

  DiffResult run() {
    walk_pairs(lower_, upper_, [&](const DiskPair& pair) { count_names(pair); });
    walk_pairs(lower_, upper_, [&](const DiskPair& pair) {
      call_.check("diff");
      visit(pair);
    });
    tar_.finish();
    meter_.flush();
    result_.written = members_.entries();
    result_.content = ByteSize(members_.content_bytes());
    return result_;
  }

 private:
  /// An upper inode that is no folder, with its names in both trees.
  struct Names {
    std::uint32_t lower = 0;  ///< The inode that has all these names below; 0: there is none.
    std::uint64_t count = 0;  ///< In the upper tree.
    bool known = false;       ///< Whether `unchanged` is.
    bool unchanged = false;
    std::string first = {};  ///< Path under which it was written.
  };

  struct Folder {
    std::string path;
    DiskNode node;
    bool written = false;
  };

  /// Only inodes with several names are remembered: an image may have millions.
  static bool has_several(const std::optional<DiskNode>& node) {
    return node && !is_folder(node) && node->status.links > 1;
  }

  void count_names(const DiskPair& pair) {
    if (has_several(pair.lower)) ++lower_names_[pair.lower->number()];
    if (!pair.upper || is_folder(pair.upper)) return;
    if (!has_several(pair.upper) && !has_several(pair.lower)) return;
    const bool lower_is_file = pair.lower && !is_folder(pair.lower);
    const std::uint32_t lower = lower_is_file ? pair.lower->number() : 0;
    Names& names = names_[pair.upper->number()];
    if (names.count++ == 0) names.lower = lower;
    if (names.lower != lower) names.lower = 0;
  }

  void visit(const DiskPair& pair) {
    while (!folders_.empty() && !is_below(pair.path, folders_.back().path)) folders_.pop_back();
    if (!pair.upper) {
      if (pair.parents_stay) remove(pair.path);
      return;
    }
    if (is_folder(pair.upper)) return visit_folder(pair);
    if (pair.upper->status.type == ext4::FileType::socket) return visit_socket(pair);
    visit_file(pair);
  }

  static bool is_below(const std::string& path, const std::string& folder) {
    if (folder.empty()) return !path.empty();
    return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
  }

  void visit_folder(const DiskPair& pair) {
    folders_.push_back({pair.path, *pair.upper});
    if (!is_folder(pair.lower) || !compare_.same_attributes(*pair.lower, *pair.upper)) {
      write_folders();
    }
  }

  void visit_socket(const DiskPair& pair) {
    const bool same = pair.lower && pair.lower->status.type == ext4::FileType::socket &&
                      compare_.same_attributes(*pair.lower, *pair.upper);
    if (same) return;
    ++result_.skipped_sockets;
    if (pair.lower && pair.lower->status.type != ext4::FileType::socket) remove(pair.path);
  }

  void visit_file(const DiskPair& pair) {
    const auto several = names_.find(pair.upper->number());
    if (several == names_.end()) {
      if (pair.lower && !is_folder(pair.lower) && compare_.same_file(*pair.lower, *pair.upper)) {
        return;
      }
      write_folders();
      return write(pair.path, *pair.upper);
    }
    Names& names = several->second;
    if (!names.known) {
      names.unchanged = names.lower != 0 && names.count == count_below(names.lower) &&
                        compare_.same_file(*pair.lower, *pair.upper);
      names.known = true;
    }
    if (names.unchanged) return;
    write_folders();
    if (names.first.empty()) {
      names.first = pair.path;
      return write(pair.path, *pair.upper);
    }
    check_name(pair.path);
    members_.write_link(pair.path, names.first, pair.upper->status);
  }

  std::uint64_t count_below(std::uint32_t lower) const {
    const auto found = lower_names_.find(lower);
    return found == lower_names_.end() ? 1 : found->second;
  }

  void remove(const std::string& path) {
    write_folders();
    check_name(path);
    const std::size_t slash = path.rfind('/');
    const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
    members_.write_marker(path.substr(0, name) + std::string(whiteout_mark) + path.substr(name));
    ++result_.removed;
  }

  void write_folders() {
    for (Folder& folder : folders_) {
      if (!folder.written) write(folder.path, folder.node);
      folder.written = true;
    }
  }

  void write(const std::string& path, const DiskNode& node) {
    check_name(path);
    members_.write(path, node.inode, node.status);
  }

  static void check_name(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const auto name = std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
    if (!name.starts_with(whiteout_mark)) return;
    throw Error(Errc::unsupported, "a layer cannot hold " + printable(path) +
                                       ": names that begin with \".wh.\" are whiteouts");
  }

  ext4::Reader& lower_;
  ext4::Reader& upper_;
  const CallOptions& call_;
  archive::TarWriter tar_;
  ProgressMeter meter_;
  DiskCompare compare_;
  DiskMemberWriter members_;
  std::unordered_map<std::uint32_t, std::uint64_t> lower_names_;
  std::unordered_map<std::uint32_t, Names> names_;
  std::vector<Folder> folders_;  // from the root to the present one
  DiffResult result_;
};

}  // namespace

DiffResult diff(ext4::Reader& lower, ext4::Reader& upper, Sink& layer, const DiffOptions& options,
                const CallOptions& call_options) {
  call_options.check("diff");
  return Diffing(lower, upper, layer, options, call_options).run();
}

}  // namespace vmkit::rootfs
