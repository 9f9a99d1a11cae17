// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <vmkit/archive/read_ahead.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::archive {

enum class EntryType {
  regular,
  directory,
  symlink,
  hardlink,
  character_device,
  block_device,
  fifo,
};

/// Since 1970.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
};

/// An extended attribute of an entry, its value any bytes.
struct Xattr {
  std::string name;   ///< As for setxattr(2): "user.x", "security.capability".
  std::string value;  ///< Any bytes.
};

/// One member of a tar archive. All names are bytes exactly as the archive has them, in no
/// particular encoding: they may be absolute, empty, hold "..", and end in slashes.
struct TarEntry {
  std::string path;
  EntryType type = EntryType::regular;
  std::string link_target = {};   ///< Of symlinks, and the path of the member a hardlink shares.
  std::uint16_t permissions = 0;  ///< The low 12 bits of the mode.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Timestamp mtime = {};
  std::optional<Timestamp> atime = {};
  std::optional<Timestamp> ctime = {};
  std::uint64_t size = 0;  ///< Of a regular file, holes included.
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  /// From SCHILY.xattr and LIBARCHIVE.xattr records; SCHILY.acl records (POSIX ACLs as text) as
  /// system.posix_acl_access and _default in the encoding of setxattr(2). An ACL that names its
  /// users without numbers is left out: who they are is not known here.
  std::vector<Xattr> xattrs = {};
};

/// A piece of a file's data; what lies between two pieces is a hole.
struct TarBlock {
  std::uint64_t offset;
  std::span<const std::byte> data;
};

/// Reads a tar archive (ustar, pax, GNU with its sparse files, old tar) once, in order, from an
/// uncompressed stream. Confined.
///
/// Hostile input is expected: garbled or truncated archives, headers (with all their records, and a
/// sparse file's map) above 128 KiB, data beyond the size a header gives throw data_corruption;
/// what the source throws comes through unchanged. An archive without its end-of-archive blocks is
/// accepted, as by other readers; a stream without a byte is an empty archive. Independent of the
/// locale. Memory: about 1 MiB.
class TarReader {
 public:
  /// The source must outlive the reader.
  explicit TarReader(Source& source);
  /// The same without copying the data.
  explicit TarReader(ReadAhead& source);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  /// The next entry, valid until the next call; nullptr at the end of the archive, when the source
  /// has been read to its end too. Data of the entry before that was not read is skipped.
  const TarEntry* next();

  /// The next piece of the current entry's data, in ascending order, valid until the next call;
  /// nullopt after the last.
  std::optional<TarBlock> read_block();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::archive
