// SPDX-License-Identifier: Apache-2.0
// commit() again and again.
#include <doctest/doctest.h>

#include "support/image_tree.hpp"
#include "support/memory_block_device.hpp"
#include "unit/ext4/image.hpp"
#include "unit/ext4/random_edits.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;
using vmkit::test::describe_image;
using vmkit::test::MemoryBlockDevice;

std::vector<std::string> tree_of(BlockDevice& device) {
  Reader reader = Reader::open(device);
  return describe_image(reader);
}

void check_image(const MemoryBlockDevice& device) {
  if (!have_e2fsprogs()) return;
  SparseFileDevice copy;
  copy.resize(device.size());
  copy.write_at(0, device.bytes());
  CHECK(e2fsck_complaints(copy.path()) == "");
}

TEST_CASE("many commits make the tree that one commit makes, with or without a journal") {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    FormatOptions options = options_of(seed % 2 == 0 ? 40_MiB : 150_MiB);
    if (seed % 3 == 0) options.journal = 8_MiB;
    MemoryBlockDevice often;
    MemoryBlockDevice in_place;
    MemoryBlockDevice once;
    Filesystem a = Filesystem::format(often, options);
    Filesystem b = Filesystem::format(in_place, options);
    Filesystem c = Filesystem::format(once, options);
    RandomEdits edits_of_a(seed);
    RandomEdits edits_of_b(seed);
    RandomEdits edits_of_c(seed);
    for (int layer = 0; layer < 5; ++layer) {
      CAPTURE(layer);
      edits_of_a.apply(a, 40);
      edits_of_b.apply(b, 40);
      edits_of_c.apply(c, 40);
      a.commit();
      b.commit(CommitMode::in_place);
      check_image(often);
      const bool same_bytes = often.bytes() == in_place.bytes();
      CHECK(same_bytes);
    }
    c.commit();
    CHECK((tree_of(often) == tree_of(once)));
  }
}

}  // namespace
}  // namespace vmkit::ext4
