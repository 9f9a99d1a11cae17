// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base_records.hpp"

#include <vmkit/ext4/options.hpp>
#include <vmkit/ext4/reader.hpp>
#include <vmkit/ext4/types.hpp>

VMKIT_RECORD(vmkit::ext4::FormatOptions, "ext4.FormatOptions", size, uuid, hash_seed, label,
             created, journal);
VMKIT_ENUM(vmkit::ext4::CommitMode, "ext4.CommitMode", atomic, in_place);
VMKIT_RECORD(vmkit::ext4::ReaderOptions, "ext4.ReaderOptions", replay_journal);
VMKIT_RECORD(vmkit::ext4::ImageInfo, "ext4.ImageInfo", size, block_size, uuid, label, features,
             inodes, free_blocks, free_inodes, journal_replayed, clean);
VMKIT_RECORD(vmkit::ext4::FileStatus, "ext4.FileStatus", type, attributes, size, links, allocated,
             device, created);
VMKIT_RECORD(vmkit::ext4::FileExtent, "ext4.FileExtent", kind, offset, length, physical);
VMKIT_ENUM(vmkit::ext4::FileExtent::Kind, "ext4.FileExtentKind", data, unwritten, hole, in_inode);
VMKIT_RECORD(vmkit::ext4::Timestamp, "ext4.Timestamp", seconds, nanoseconds);
VMKIT_ENUM(vmkit::ext4::FileType, "ext4.FileType", regular, directory, symlink, character_device,
           block_device, fifo, socket);
VMKIT_RECORD(vmkit::ext4::DeviceNumber, "ext4.DeviceNumber", major, minor);
VMKIT_RECORD(vmkit::ext4::Attributes, "ext4.Attributes", permissions, uid, gid, mtime, atime,
             ctime);
template <>
struct vmkit::python::RecordInfo<vmkit::ext4::Xattr> {
  using T = vmkit::ext4::Xattr;
  static constexpr const char* python_name = "ext4.Xattr";
  static constexpr auto fields =
      std::make_tuple(field("name", &T::name), bytes_field("value", &T::value));
};
VMKIT_ENUM(vmkit::ext4::LastSymlink, "ext4.LastSymlink", follow, keep);
