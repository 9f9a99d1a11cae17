// SPDX-License-Identifier: Apache-2.0
#include "rootfs/disk_tree.hpp"

#include <algorithm>
#include <string_view>

#include "rootfs/member_name.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::rootfs {
namespace {

constexpr std::size_t most_pieces = 4096;
constexpr std::uint64_t first_small_hole = 64 * 1024;

/// Joins pieces with holes of at most `small` bytes between them.
void join_pieces(std::vector<archive::TarPiece>& pieces, std::uint64_t small) {
  std::size_t kept = 0;
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    archive::TarPiece& last = pieces[kept];
    if (pieces[i].offset - (last.offset + last.length) <= small) {
      last.length = pieces[i].offset + pieces[i].length - last.offset;
    } else {
      pieces[++kept] = pieces[i];
    }
  }
  pieces.resize(std::min(pieces.size(), kept + 1));
}

}  // namespace

std::vector<FolderEntry> FolderWalk::enter(ext4::Inode folder) {
  const auto number = static_cast<std::uint32_t>(folder);
  if (!entered_.insert(number).second) {
    throw Error(Errc::data_corruption,
                "ext4 inode " + std::to_string(number) + ": two names lead to this folder");
  }
  std::vector<FolderEntry> entries;
  disk_.for_each_entry(folder, [&](std::string_view name, ext4::Inode inode) {
    entries.push_back({std::string(name), inode});
  });
  if (folder == disk_.root()) {
    std::erase_if(entries, [&](const FolderEntry& entry) {
      return entry.name == "lost+found" && is_empty_folder(entry.inode);
    });
  }
  const auto by_name = [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; };
  std::sort(entries.begin(), entries.end(), by_name);
  const auto twice = std::adjacent_find(
      entries.begin(), entries.end(),
      [](const FolderEntry& a, const FolderEntry& b) { return a.name == b.name; });
  if (twice != entries.end()) {
    throw Error(Errc::data_corruption, "ext4 inode " + std::to_string(number) +
                                           ": the folder has the name " + printable(twice->name) +
                                           " twice");
  }
  return entries;
}

bool FolderWalk::is_empty_folder(ext4::Inode inode) {
  if (disk_.stat(inode).type != ext4::FileType::directory) return false;
  bool empty = true;
  disk_.for_each_entry(inode, [&](std::string_view, ext4::Inode) { empty = false; });
  return empty;
}

std::string join_path(const std::string& folder, const std::string& name) {
  std::string path = folder.empty() ? name : folder + '/' + name;
  if (path.size() > longest_path) {
    throw Error(Errc::unsupported, "a path of " + std::to_string(path.size()) +
                                       " bytes, at most 4095 can be archived: " +
                                       printable(path.substr(0, 100)) + "…");
  }
  return path;
}

std::vector<archive::TarPiece> data_pieces(ext4::Reader& disk, ext4::Inode file) {
  using Kind = ext4::FileExtent::Kind;
  std::vector<archive::TarPiece> pieces;
  std::uint64_t small = 0;
  disk.for_each_extent(file, [&](const ext4::FileExtent& extent) {
    if (extent.kind != Kind::data && extent.kind != Kind::in_inode) return true;
    pieces.push_back({extent.offset, extent.length});
    while (pieces.size() > most_pieces) {
      join_pieces(pieces, small);
      if (pieces.size() > most_pieces / 2) small = small == 0 ? first_small_hole : 2 * small;
    }
    return true;
  });
  join_pieces(pieces, small);
  return pieces;
}

}  // namespace vmkit::rootfs
