// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ext4/tree/state.hpp"

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>

namespace vmkit::ext4 {

/// Gives a committed image another size, in a few commits: what is in the way is moved, then the
/// image changes its shape. After each of them the image is whole.
class Resizer {
 public:
  Resizer(State& state, CommitMode mode, const CallOptions& options);

  /// Throws invalid_argument, resource_exhausted: before anything has happened.
  void check_size(ByteSize size) const;
  /// Throws resource_exhausted, unsupported.
  void run(ByteSize size);

  /// A size that run() can most likely reach.
  static ByteSize least_size(State& state);

 private:
  void check() const;
  void commit();
  void commit(Image after, std::vector<std::uint32_t> groups);

  void drop_resize_inode();
  void renumber(std::uint32_t inodes);
  void evacuate(const BlockRanges& zones, std::uint32_t groups);
  /// Throws unless `blocks` of `zones` are free.
  void check_evacuated(const BlockRanges& zones, std::uint64_t blocks) const;
  void grow(Image after, ByteSize size);
  void shrink(Image after, ByteSize size);
  void add_group(Image& after, std::uint32_t group);
  std::uint64_t metadata_behind(std::uint64_t blocks, std::uint32_t groups);
  void write_backups();

  State& state_;
  CommitMode mode_;
  const CallOptions& options_;
};

}  // namespace vmkit::ext4
