// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/name_index.hpp"

#include <algorithm>
#include <cstring>

namespace vmkit::ext4 {
namespace {

constexpr auto before = [](const NameIndex::Entry& entry, std::string_view name) {
  return entry.name() < name;
};

}  // namespace

const char* NameArena::store(std::string_view name) {
  const std::size_t count = grains(name.size());
  char* place = free_[count];
  if (place != nullptr) {
    std::memcpy(static_cast<void*>(&free_[count]), place, sizeof(char*));
  } else {
    if (used_ + count * grain > chunk_size) {
      chunks_.push_back(std::make_unique<char[]>(chunk_size));
      used_ = 0;
    }
    place = chunks_.back().get() + used_;
    used_ += count * grain;
  }
  std::memcpy(place, name.data(), name.size());
  return place;
}

void NameArena::release(const char* name, std::size_t length) noexcept {
  char* const place = const_cast<char*>(name);  // it is ours: store() only lent it
  const std::size_t count = grains(length);
  std::memcpy(place, static_cast<const void*>(&free_[count]), sizeof(char*));
  free_[count] = place;
}

std::size_t NameIndex::leaf_for(std::string_view name) const {
  const auto after = std::upper_bound(
      leaves_.begin(), leaves_.end(), name,
      [](std::string_view wanted, const Leaf& leaf) { return wanted < leaf.front().name(); });
  return after == leaves_.begin() ? 0 : static_cast<std::size_t>(after - leaves_.begin()) - 1;
}

const NameIndex::Entry* NameIndex::find(std::string_view name) const {
  if (leaves_.empty()) return nullptr;
  const Leaf& leaf = leaves_[leaf_for(name)];
  const auto at = std::lower_bound(leaf.begin(), leaf.end(), name, before);
  return at != leaf.end() && at->name() == name ? &*at : nullptr;
}

void NameIndex::insert(NameArena& arena, std::string_view name, std::uint32_t ino) {
  std::size_t index = 0;
  if (leaves_.empty()) {
    leaves_.emplace_back();
  } else {
    index = leaf_for(name);
  }
  if (leaves_[index].size() == leaf_limit) {
    // Names often come in order: then the full leaf stays full.
    const bool at_end = index + 1 == leaves_.size() && leaves_[index].back().name() < name;
    if (at_end) {
      leaves_.emplace_back();
    } else {
      Leaf upper(leaves_[index].begin() + leaf_limit / 2, leaves_[index].end());
      leaves_.insert(leaves_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
      leaves_[index].resize(leaf_limit / 2);
      if (!(name < leaves_[index + 1].front().name())) ++index;
    }
    if (at_end) ++index;
  }
  Leaf& leaf = leaves_[index];
  const char* text = nullptr;
  try {
    if (leaf.size() == leaf.capacity()) leaf.reserve(leaf.size() + leaf.size() / 2 + 2);
    text = arena.store(name);
  } catch (...) {
    if (leaf.empty()) leaves_.pop_back();
    throw;
  }
  const auto at = std::lower_bound(leaf.begin(), leaf.end(), name, before);
  leaf.insert(at, Entry{text, ino, static_cast<std::uint8_t>(name.size())});
  ++size_;
}

void NameIndex::set_ino(std::string_view name, std::uint32_t ino) noexcept {
  Leaf& leaf = leaves_[leaf_for(name)];
  std::lower_bound(leaf.begin(), leaf.end(), name, before)->ino = ino;
}

void NameIndex::erase(NameArena& arena, std::string_view name) noexcept {
  const std::size_t index = leaf_for(name);
  Leaf& leaf = leaves_[index];
  const auto at = std::lower_bound(leaf.begin(), leaf.end(), name, before);
  arena.release(at->text, at->length);
  leaf.erase(at);
  if (leaf.empty()) leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(index));
  --size_;
}

void NameIndex::clear(NameArena& arena) noexcept {
  for_each([&](const Entry& entry) { arena.release(entry.text, entry.length); });
  leaves_.clear();
  size_ = 0;
}

}  // namespace vmkit::ext4
