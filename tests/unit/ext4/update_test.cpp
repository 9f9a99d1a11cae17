// SPDX-License-Identifier: Apache-2.0
// commit() again and again.
#include <cstring>
#include <doctest/doctest.h>

#include "support/image_tree.hpp"
#include "unit/ext4/image.hpp"
#include "unit/ext4/random_edits.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;
using vmkit::test::tree_of;

/// Whether two devices have the same bytes.
bool same_bytes(BlockDevice& a, BlockDevice& b) {
  if (a.size() != b.size()) return false;
  constexpr std::uint64_t part = 1 << 20;
  std::vector<std::byte> of_a(part);
  std::vector<std::byte> of_b(part);
  for (std::uint64_t at = 0; at < a.size().bytes(); at += part) {
    const std::uint64_t length = std::min(part, a.size().bytes() - at);
    a.read_at(at, std::span(of_a).first(length));
    b.read_at(at, std::span(of_b).first(length));
    if (std::memcmp(of_a.data(), of_b.data(), length) != 0) return false;
  }
  return true;
}

TEST_CASE(
    "continued or opened again, in place or through a journal: the same bytes, and the right "
    "tree") {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    FormatOptions options = options_of(seed % 2 == 0 ? 24_MiB : 140_MiB);
    if (seed % 3 == 0) options.journal = 8_MiB;
    SparseFileDevice often;
    SparseFileDevice in_place;
    SparseFileDevice reopened;
    SparseFileDevice once;
    Filesystem a = Filesystem::format(often, options);
    Filesystem b = Filesystem::format(in_place, options);
    Filesystem c = Filesystem::format(once, options);
    Filesystem::format(reopened, options).commit();
    a.commit();
    b.commit(CommitMode::in_place);
    RandomEdits edits_of_a(seed);
    RandomEdits edits_of_r(seed);
    RandomEdits edits_of_b(seed);
    RandomEdits edits_of_c(seed);
    for (int layer = 0; layer < 5; ++layer) {
      CAPTURE(layer);
      edits_of_a.apply(a, 40);
      edits_of_b.apply(b, 40);
      edits_of_c.apply(c, 40);
      a.commit();
      b.commit(CommitMode::in_place);
      {
        Filesystem fs = Filesystem::open(reopened);
        edits_of_r.check(fs);
        edits_of_r.apply(fs, 40);
        fs.commit(layer % 2 == 0 ? CommitMode::atomic : CommitMode::in_place);
      }
      if (have_e2fsprogs()) CHECK(e2fsck_complaints(often.path()) == "");
      CHECK(same_bytes(often, in_place));
      CHECK(same_bytes(often, reopened));
    }
    c.commit();
    CHECK((tree_of(often) == tree_of(once)));
  }
}

}  // namespace
}  // namespace vmkit::ext4
