// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::archive {

/// Where data of a sparse file stands; what is between two pieces is a hole.
struct TarPiece {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Writes a tar archive, entry after entry: ustar, with pax records (POSIX.1-2001) only for what
/// ustar cannot hold: long or large fields, fractions of seconds, atime and ctime, extended
/// attributes (SCHILY.xattr, as containerd, umoci and GNU tar read them), holes (GNU's sparse
/// format 1.0). The bytes depend on nothing but the entries. Confined.
///
/// What the sink throws comes through unchanged; the archive is then incomplete and the writer of
/// no more use.
class TarWriter {
 public:
  /// The sink must outlive the writer.
  explicit TarWriter(Sink& sink) : sink_(sink) {}
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  /// Begins an entry; `entry.size` bytes of data must follow for a regular file. Throws
  /// failed_precondition while data of the entry before it is missing, invalid_argument for a name
  /// that is empty or holds a NUL, unsupported for an extended attribute whose name has a "=".
  void add(const TarEntry& entry);

  /// Begins a regular file of which only `pieces` follow as data, one after another. They must be
  /// in order, apart and within `entry.size`: invalid_argument. Readers may refuse very many (ours
  /// does above some 5000).
  void add_sparse(const TarEntry& entry, std::span<const TarPiece> pieces);

  /// More of the data. Throws invalid_argument if that is more than the entry's size.
  void write(std::span<const std::byte> data);

  /// Ends the archive. Throws failed_precondition while data is missing.
  void finish();

 private:
  void begin(const TarEntry& entry, std::string records, std::uint64_t size,
             const std::string& stored_path);
  void end_entry();
  void put(std::span<const std::byte> data) { sink_.write(data); }

  Sink& sink_;
  std::string path_;           // of the present entry
  std::uint64_t missing_ = 0;  // of its data
  std::size_t padding_ = 0;    // after it
};

}  // namespace vmkit::archive
