// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <set>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/extents.hpp"
#include "ext4/format/times.hpp"
#include "ext4/tree/block_ranges.hpp"
#include "ext4/tree/name_index.hpp"
#include "ext4/tree/space.hpp"
#include "unit/ext4/image.hpp"

namespace vmkit::ext4 {
namespace {

using namespace test;

TEST_CASE("CRC-32C: the published check value, and the same from tables and instruction") {
  CHECK(~crc32c_portable(~0U, bytes_of("123456789")) == 0xe3069283);
  CHECK(~crc32c(~0U, bytes_of("123456789")) == 0xe3069283);
  const std::string data = pattern(1000);
  for (std::size_t length = 0; length < 100; ++length) {
    for (std::size_t start = 0; start < 9; ++start) {
      const auto part = bytes_of(std::string_view(data).substr(start, length));
      CHECK(crc32c(length * 77, part) == crc32c_portable(length * 77, part));
    }
  }
}

TEST_CASE("times: seconds from 1901 to 2446, others the nearest") {
  const auto round_trip = [](std::int64_t seconds) {
    return decode_time(encode_time({seconds, 7})).seconds;
  };
  for (std::int64_t seconds : {-2147483648LL, -1LL, 0LL, 2147483647LL, 2147483648LL, 4294967295LL,
                               4294967296LL, 10737418239LL, 12884901888LL, 15032385535LL}) {
    CHECK(round_trip(seconds) == seconds);
  }
  CHECK(round_trip(-2147483649LL) == -2147483648LL);
  CHECK(round_trip(15032385536LL) == 15032385535LL);
  CHECK(round_trip(10737418240LL) == 10737418239LL);
  CHECK(decode_time(encode_time({5, 999'999'999})) == Timestamp{5, 999'999'999});
  CHECK(decode_time(encode_time({5, 4'000'000'000})) == Timestamp{5, 999'999'999});
}

TEST_CASE("block ranges do what a set of numbers does") {
  std::mt19937 random(1);
  BlockRanges ranges;
  std::set<std::uint64_t> model;
  for (int step = 0; step < 3000; ++step) {
    const BlockRange range{random() % 200, random() % 20};
    if (random() % 2 == 0) {
      ranges.insert(range);
      for (std::uint64_t b = range.start; b < range.end(); ++b) model.insert(b);
    } else {
      ranges.erase(range);
      for (std::uint64_t b = range.start; b < range.end(); ++b) model.erase(b);
    }
    std::set<std::uint64_t> all;
    std::uint64_t last_end = 0;
    for (const auto& [start, length] : ranges.map()) {
      REQUIRE(length > 0);
      REQUIRE((all.empty() || start > last_end));
      for (std::uint64_t b = start; b < start + length; ++b) all.insert(b);
      last_end = start + length;
    }
    REQUIRE((all == model));
    const std::uint64_t from = random() % 200;
    const auto it = model.lower_bound(from);
    REQUIRE((ranges.next(from).length > 0) == (it != model.end()));
    if (it != model.end()) REQUIRE(ranges.next(from).start == *it);
    REQUIRE(ranges.count(range) ==
            static_cast<std::uint64_t>(
                std::distance(model.lower_bound(range.start), model.lower_bound(range.end()))));
  }
}

TEST_CASE("the name index does what a map does, in order") {
  std::mt19937 random(2);
  NameArena arena;
  NameIndex index;
  std::map<std::string, std::uint32_t> model;
  for (std::uint32_t step = 1; step < 20'000; ++step) {
    std::string name(1 + random() % 3, 'a');
    for (char& c : name) c = static_cast<char>(random() % 30 + 120);  // both signs
    if (random() % 50 == 0) name += std::string(random() % 250, 'z');
    const auto it = model.find(name);
    const NameIndex::Entry* entry = index.find(name);
    REQUIRE((entry != nullptr) == (it != model.end()));
    if (entry != nullptr) {
      REQUIRE(entry->ino == it->second);
      if (random() % 3 == 0) {
        index.erase(arena, name);
        model.erase(it);
      }
    } else {
      index.insert(arena, name, step);
      model[name] = step;
    }
  }
  REQUIRE(index.size() == model.size());
  auto it = model.begin();
  index.for_each([&](const NameIndex::Entry& entry) {
    REQUIRE(entry.name() == it->first);
    REQUIRE(entry.ino == it->second);
    ++it;
  });
  index.clear(arena);
  CHECK(index.size() == 0);
  CHECK(index.find("x") == nullptr);
}

TEST_CASE("how many blocks an extent tree takes") {
  CHECK(extent_index_blocks(0) == 0);
  CHECK(extent_index_blocks(4) == 0);
  CHECK(extent_index_blocks(5) == 1);
  CHECK(extent_index_blocks(340) == 1);
  CHECK(extent_index_blocks(341) == 2);
  CHECK(extent_index_blocks(4 * 340) == 4);
  CHECK(extent_index_blocks(4 * 340 + 1) == 6);
  CHECK(disk_extents(32768) == 1);
  CHECK(disk_extents(32769) == 2);
}

TEST_CASE("inode tables always find their place") {
  const Geometry geometry(64_MiB);
  Space space(geometry);
  // One run of free blocks in the middle of the image, too late for larger tables elsewhere.
  std::vector<BlockRange> runs;
  for (;;) {
    try {
      runs.push_back(space.allocate(5, 0, "test"));
    } catch (const Error&) {
      break;
    }
  }
  for (std::size_t i = 0; i < runs.size(); i += 2) space.release(runs[i]);
  CHECK(error_code([&] { space.admit_inode(1 << 20); }, "no room for inode 1048576") ==
        Errc::resource_exhausted);
  const BlockRanges stale = space.begin_commit();
  CHECK(stale.map().size() >= (runs.size() - 1) / 2);
  const auto tables = space.place_tables(100);
  REQUIRE(tables.size() == 1);
  CHECK(tables[0].length == geometry.default_table_blocks());
}

}  // namespace
}  // namespace vmkit::ext4
