// SPDX-License-Identifier: Apache-2.0
#include "rootfs/disk_compare.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "rootfs/disk_tree.hpp"

namespace vmkit::rootfs {
namespace {

constexpr std::size_t compare_size = 1 << 18;

}  // namespace

DiskCompare::DiskCompare(ext4::Reader& lower, ext4::Reader& upper, bool upper_is_clone,
                         std::function<void()> check)
    : lower_(lower), upper_(upper), upper_is_clone_(upper_is_clone), check_(std::move(check)) {}

bool DiskCompare::same_attributes(const DiskNode& lower, const DiskNode& upper) {
  const ext4::Attributes& a = lower.status.attributes;
  const ext4::Attributes& b = upper.status.attributes;
  return a.permissions == b.permissions && a.uid == b.uid && a.gid == b.gid && a.mtime == b.mtime &&
         lower_.xattrs(lower.inode) == upper_.xattrs(upper.inode);
}

bool DiskCompare::same_file(const DiskNode& lower, const DiskNode& upper) {
  const ext4::FileType type = upper.status.type;
  if (lower.status.type != type || lower.status.size != upper.status.size ||
      lower.status.device != upper.status.device || !same_attributes(lower, upper)) {
    return false;
  }
  if (type == ext4::FileType::symlink) {
    return lower_.symlink_target(lower.inode) == upper_.symlink_target(upper.inode);
  }
  if (type != ext4::FileType::regular) return true;
  return (upper_is_clone_ && same_blocks(lower, upper)) || same_content(lower, upper);
}

/// A kernel gives whatever it writes to a new time of change.
bool DiskCompare::same_blocks(const DiskNode& lower, const DiskNode& upper) {
  if (lower.inode != upper.inode ||
      lower.status.attributes.ctime != upper.status.attributes.ctime) {
    return false;
  }
  constexpr std::size_t enough = 1000;
  std::vector<ext4::FileExtent> below;
  lower_.for_each_extent(lower.inode, [&](const ext4::FileExtent& extent) {
    below.push_back(extent);
    return below.size() <= enough;
  });
  if (below.size() > enough) return false;
  std::size_t index = 0;
  bool same = true;
  upper_.for_each_extent(upper.inode, [&](const ext4::FileExtent& extent) {
    same = index < below.size() && below[index++] == extent;
    return same;
  });
  return same && index == below.size();
}

bool DiskCompare::same_content(const DiskNode& lower, const DiskNode& upper) {
  std::vector<archive::TarPiece> pieces = data_pieces(lower_, lower.inode);
  const auto more = data_pieces(upper_, upper.inode);
  pieces.insert(pieces.end(), more.begin(), more.end());
  std::sort(pieces.begin(), pieces.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
  lower_buffer_.resize(compare_size);
  upper_buffer_.resize(compare_size);
  std::uint64_t done = 0;  // what neither has as data is the same
  for (const archive::TarPiece& piece : pieces) {
    const std::uint64_t end = piece.offset + piece.length;
    for (done = std::max(done, piece.offset); done < end;) {
      check_();
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(compare_size, end - done));
      const auto a = std::span(lower_buffer_).first(size);
      const auto b = std::span(upper_buffer_).first(size);
      if (lower_.read(lower.inode, done, a) != size || upper_.read(upper.inode, done, b) != size ||
          std::memcmp(a.data(), b.data(), size) != 0) {
        return false;
      }
      done += size;
    }
  }
  return true;
}

}  // namespace vmkit::rootfs
