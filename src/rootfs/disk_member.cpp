// SPDX-License-Identifier: Apache-2.0
#include "rootfs/disk_member.hpp"

#include <algorithm>
#include <span>

#include "rootfs/disk_tree.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::rootfs {
namespace {

constexpr std::size_t copy_size = 1 << 20;

archive::Timestamp tar_time(const ext4::Timestamp& time) {
  return {time.seconds, time.nanoseconds};
}

archive::EntryType tar_type(ext4::FileType type) {
  switch (type) {
    case ext4::FileType::regular:
      return archive::EntryType::regular;
    case ext4::FileType::directory:
      return archive::EntryType::directory;
    case ext4::FileType::symlink:
      return archive::EntryType::symlink;
    case ext4::FileType::character_device:
      return archive::EntryType::character_device;
    case ext4::FileType::block_device:
      return archive::EntryType::block_device;
    case ext4::FileType::fifo:
      return archive::EntryType::fifo;
    case ext4::FileType::socket:
      break;
  }
  throw Error(Errc::internal, "a socket as a member of a tar");
}

}  // namespace

DiskMemberWriter::DiskMemberWriter(ext4::Reader& disk, archive::TarWriter& tar, bool all_times,
                                   std::function<void(std::uint64_t content_bytes)> tick)
    : disk_(disk), tar_(tar), all_times_(all_times), tick_(std::move(tick)) {}

archive::TarEntry DiskMemberWriter::entry_of(const ext4::FileStatus& status) const {
  archive::TarEntry entry;
  entry.permissions = status.attributes.permissions;
  entry.uid = status.attributes.uid;
  entry.gid = status.attributes.gid;
  entry.mtime = tar_time(status.attributes.mtime);
  if (all_times_) {
    entry.atime = tar_time(status.attributes.atime);
    entry.ctime = tar_time(status.attributes.ctime);
  }
  return entry;
}

void DiskMemberWriter::write(const std::string& path, ext4::Inode inode,
                             const ext4::FileStatus& status) {
  tick_(content_bytes_);
  ++entries_;
  archive::TarEntry entry = entry_of(status);
  entry.path = path;
  entry.type = tar_type(status.type);
  for (ext4::Xattr& xattr : disk_.xattrs(inode)) {
    entry.xattrs.push_back({std::move(xattr.name), std::move(xattr.value)});
  }
  if (status.type == ext4::FileType::regular) {
    entry.size = status.size;
    return write_file(std::move(entry), inode);
  }
  if (status.type == ext4::FileType::directory) entry.path = path.empty() ? "./" : path + '/';
  if (status.type == ext4::FileType::symlink) entry.link_target = disk_.symlink_target(inode);
  entry.device_major = status.device.major;
  entry.device_minor = status.device.minor;
  tar_.add(entry);
}

void DiskMemberWriter::write_file(archive::TarEntry entry, ext4::Inode inode) {
  const std::vector<archive::TarPiece> pieces = data_pieces(disk_, inode);
  std::uint64_t length = 0;
  for (const archive::TarPiece& piece : pieces) length += piece.length;
  if (length == entry.size) {
    tar_.add(entry);
  } else {
    tar_.add_sparse(entry, pieces);
  }
  buffer_.resize(copy_size);
  for (const archive::TarPiece& piece : pieces) {
    for (std::uint64_t done = 0; done < piece.length;) {
      const auto part =
          std::span(buffer_).first(std::min<std::uint64_t>(copy_size, piece.length - done));
      if (disk_.read(inode, piece.offset + done, part) != part.size()) {
        throw Error(Errc::data_corruption, "the file is shorter than it was");
      }
      tar_.write(part);
      done += part.size();
      content_bytes_ += part.size();
      tick_(content_bytes_);
    }
  }
}

void DiskMemberWriter::write_link(const std::string& path, const std::string& target,
                                  const ext4::FileStatus& status) {
  ++entries_;
  archive::TarEntry entry = entry_of(status);
  entry.path = path;
  entry.type = archive::EntryType::hardlink;
  entry.link_target = target;
  tar_.add(entry);
}

void DiskMemberWriter::write_marker(const std::string& path) {
  tick_(content_bytes_);
  archive::TarEntry entry;
  entry.path = path;
  tar_.add(entry);
}

}  // namespace vmkit::rootfs
