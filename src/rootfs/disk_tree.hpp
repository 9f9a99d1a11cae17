// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include <vmkit/archive/tar_writer.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::rootfs {

/// The longest path that is walked; what applies layers takes no longer ones.
inline constexpr std::size_t longest_path = 4095;

struct FolderEntry {
  std::string name;
  ext4::Inode inode{};
};

/// The folders of one disk, which may be hostile.
class FolderWalk {
 public:
  explicit FolderWalk(ext4::Reader& disk) : disk_(disk) {}

  /// The entries of a folder in the order of their names' bytes; in the root without lost+found, if
  /// that is an empty folder. Throws data_corruption for a folder that was entered before, or with
  /// a name twice.
  std::vector<FolderEntry> enter(ext4::Inode folder);

 private:
  bool is_empty_folder(ext4::Inode inode);

  ext4::Reader& disk_;
  std::unordered_set<std::uint32_t> entered_;
};

/// "`folder`/`name`". Throws unsupported above longest_path.
std::string join_path(const std::string& folder, const std::string& name);

/// Where a file has data, in order; what is between reads as zeros. Never more pieces than a tar's
/// reader takes: where there are too many, small holes between them count as data.
std::vector<archive::TarPiece> data_pieces(ext4::Reader& disk, ext4::Inode file);

}  // namespace vmkit::rootfs
