// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base_records.hpp"
#include "streams.hpp"

#include <vmkit/archive/compress.hpp>
#include <vmkit/archive/compression.hpp>
#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/archive/tar_writer.hpp>

VMKIT_RECORD(vmkit::archive::CompressOptions, "archive.CompressOptions", compression, level);
VMKIT_ENUM(vmkit::archive::Compression, "archive.Compression", none, gzip, zstd);
VMKIT_RECORD(vmkit::archive::DecompressOptions, "archive.DecompressOptions", compression,
             output_limit);
VMKIT_ENUM(vmkit::archive::EntryType, "archive.EntryType", regular, directory, symlink, hardlink,
           character_device, block_device, fifo);
VMKIT_RECORD(vmkit::archive::Timestamp, "archive.Timestamp", seconds, nanoseconds);
template <>
struct vmkit::python::RecordInfo<vmkit::archive::Xattr> {
  using T = vmkit::archive::Xattr;
  static constexpr const char* python_name = "archive.Xattr";
  static constexpr auto fields =
      std::make_tuple(field("name", &T::name), bytes_field("value", &T::value));
};
VMKIT_RECORD(vmkit::archive::TarEntry, "archive.TarEntry", path, type, link_target, permissions,
             uid, gid, mtime, atime, ctime, size, device_major, device_minor, xattrs);
VMKIT_RECORD(vmkit::archive::TarPiece, "archive.TarPiece", offset, length);
