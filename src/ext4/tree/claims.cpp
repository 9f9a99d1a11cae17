// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/claims.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "ext4/read/corrupt.hpp"

namespace vmkit::ext4 {

void Claims::add(std::uint32_t ino, std::uint64_t start, std::uint64_t length) {
  claims_.push_back({static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(length), ino});
}

void Claims::add_shared(std::uint32_t ino, std::uint64_t block, std::uint32_t count) {
  const auto [at, is_new] = shared_.try_emplace(block, Shared{ino, count, 0});
  if (is_new) add(ino, block, 1);
  ++at->second.found;
}

void Claims::check(const BlockRanges& free) {
  for (const auto& [block, shared] : shared_) {
    if (shared.found == shared.count) continue;
    throw_corrupt({shared.ino, block}, "extended attributes that " + std::to_string(shared.found) +
                                           " inodes refer to, but " + std::to_string(shared.count) +
                                           " by their own count");
  }
  shared_.clear();
  std::vector<Claim> claims = std::exchange(claims_, {});
  std::sort(claims.begin(), claims.end(),
            [](const Claim& a, const Claim& b) { return a.start < b.start; });
  std::uint64_t end = 0;
  auto run = free.map().begin();
  for (const Claim& claim : claims) {
    if (claim.start < end) {
      throw_corrupt({claim.ino, claim.start}, "claims a block that belongs to something else too");
    }
    end = std::uint64_t{claim.start} + claim.length;
    while (run != free.map().end() && run->first + run->second <= claim.start) ++run;
    if (run != free.map().end() && run->first < end) {
      throw_corrupt({claim.ino, std::max<std::uint64_t>(run->first, claim.start)},
                    "claims a block that the bitmap has as free");
    }
  }
}

}  // namespace vmkit::ext4
