// SPDX-License-Identifier: Apache-2.0
#include <sstream>
#include <string>

#include "fuzz/tar_checksums.hpp"
#include "fuzz/target.hpp"
#include "support/memory_source.hpp"

#include <vmkit/archive/tar_reader.hpp>

namespace {

using vmkit::Errc;
using vmkit::archive::EntryType;
using vmkit::archive::TarEntry;
using vmkit::archive::TarReader;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

std::string read_entry(TarReader& reader, const TarEntry& entry) {
  require(entry.permissions <= 07777, "permissions are 12 bits");
  require(entry.mtime.nanoseconds < 1'000'000'000, "nanoseconds are less than a second");
  require(entry.type == EntryType::regular || entry.size == 0, "only files have a size");
  for (std::size_t i = 1; i < entry.xattrs.size(); ++i) {
    require(entry.xattrs[i - 1].name != entry.xattrs[i].name, "each attribute is there once");
  }
  std::ostringstream seen;
  seen << entry.path << '\0' << static_cast<int>(entry.type) << entry.link_target << '\0'
       << entry.size << ' ' << entry.uid << ' ' << entry.gid << ' ' << entry.mtime.seconds;
  for (const auto& xattr : entry.xattrs) seen << xattr.name << '\0' << xattr.value;
  const std::uint64_t size = entry.size;
  std::uint64_t end = 0;
  while (const auto block = reader.read_block()) {
    require(block->offset >= end && block->offset <= size, "blocks come in ascending order");
    require(!block->data.empty() && block->data.size() <= size - block->offset,
            "blocks lie within their file");
    end = block->offset + block->data.size();
    // Where a piece ends depends on how the stream was read; what lies where does not.
    for (std::size_t i = 0; i < block->data.size(); ++i) {
      if (block->data[i] != std::byte{}) seen << block->offset + i << char(block->data[i]);
    }
  }
  return seen.str();
}

/// All that the archive says, and whether it was read to its end.
std::string reading(std::string_view tar, std::size_t step, bool& whole) {
  std::string seen;
  whole = accepts({Errc::data_corruption}, [&] {
    vmkit::test::MemorySource source{std::string(tar), step};
    TarReader reader(source);
    while (const TarEntry* entry = reader.next()) seen += read_entry(reader, *entry);
    require(reader.next() == nullptr, "the end is the end");
  });
  return seen;
}

const vmkit::fuzz::Target target("tar", [](std::string_view input) {
  const std::string tar = vmkit::fuzz::with_right_checksums(input);
  bool whole = false;
  const std::string seen = reading(tar, 65536, whole);
  bool whole_in_pieces = false;
  const std::string seen_in_pieces = reading(tar, 100, whole_in_pieces);
  require(whole == whole_in_pieces && (!whole || seen == seen_in_pieces),
          "an archive says the same however its bytes come in");
});

}  // namespace
