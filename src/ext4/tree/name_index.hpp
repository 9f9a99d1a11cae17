// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace vmkit::ext4 {

/// Memory for the names of all directories, taken in large pieces; names given back are used again.
class NameArena {
 public:
  const char* store(std::string_view name);
  void release(const char* name, std::size_t length) noexcept;

 private:
  static constexpr std::size_t grain = 8;
  static constexpr std::size_t chunk_size = 64 << 10;

  static std::size_t grains(std::size_t length) { return (length + grain - 1) / grain; }

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t used_ = chunk_size;              ///< Of the last chunk.
  std::array<char*, 256 / grain + 1> free_{};  ///< By grains: lists linked through the names.
};

/// One directory's names and what they stand for, in byte order of the names.
///
/// Two levels: sorted leaves of limited size. Look-ups are binary searches, and an insertion moves
/// at most one leaf, so that neither a million names nor names made to collide make it slow.
class NameIndex {
 public:
  struct Entry {
    const char* text;
    std::uint32_t ino;
    std::uint8_t length;

    std::string_view name() const { return {text, length}; }
  };

  const Entry* find(std::string_view name) const;
  /// Adds `name`, which is not there yet. Strong guarantee.
  void insert(NameArena& arena, std::string_view name, std::uint32_t ino);
  /// Lets `name`, which is there, stand for another inode.
  void set_ino(std::string_view name, std::uint32_t ino) noexcept;
  /// Takes out `name`, which is there.
  void erase(NameArena& arena, std::string_view name) noexcept;
  /// Gives all names back.
  void clear(NameArena& arena) noexcept;

  std::size_t size() const { return size_; }

  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const Leaf& leaf : leaves_) {
      for (const Entry& entry : leaf) visit(entry);
    }
  }

 private:
  using Leaf = std::vector<Entry>;
  static constexpr std::size_t leaf_limit = 128;

  std::size_t leaf_for(std::string_view name) const;

  std::vector<Leaf> leaves_;  ///< None empty.
  std::size_t size_ = 0;
};

}  // namespace vmkit::ext4
