// SPDX-License-Identifier: Apache-2.0
// A commit that fails, or a host that crashes, at each of its writes.
#include <cstring>
#include <doctest/doctest.h>

#include "support/image_tree.hpp"
#include "unit/ext4/crashing_device.hpp"
#include "unit/ext4/image.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;
using vmkit::test::e2fs_tool;
using vmkit::test::run_tool;
using vmkit::test::tree_of;

void make_old(Filesystem& fs) {
  for (int i = 0; i < 60; ++i) {
    add_file(fs, fs.root(), "file" + std::to_string(i), pattern(100 * static_cast<std::size_t>(i)));
  }
  const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
  for (int i = 0; i < 300; ++i) {
    fs.make_special(folder, "fifo" + std::to_string(i), FileType::fifo, {}, {});
  }
  fs.set_xattrs(folder, {{"user.x", std::string(500, 'x')}});
}

void edit(Filesystem& fs) {
  const Inode folder = *fs.lookup(fs.root(), "folder");
  for (int i = 10; i < 30; ++i) fs.remove(fs.root(), "file" + std::to_string(i));
  fs.remove(fs.root(), "file50");
  fs.make_symlink(fs.root(), "long", std::string(400, 'l'), {});
  add_file(fs, folder, "new", pattern(200'000));
  for (int i = 0; i < 40; ++i) {
    fs.make_special(folder, "more" + std::to_string(i), FileType::fifo, {}, {});
  }
  fs.set_xattrs(folder, {{"user.x", std::string(700, 'y')}});
  fs.set_attributes(*fs.lookup(fs.root(), "file1"), {.permissions = 0600, .uid = 7});
}

struct Outcome {
  int old_state = 0;
  int new_state = 0;
};

class Trial {
 public:
  explicit Trial(const FormatOptions& options) : options_(options) {
    CrashingDevice device;
    Filesystem fs = Filesystem::format(device, options_);
    make_old(fs);
    fs.commit();
    old_tree_ = tree_of(device);
    edit(fs);
    const std::uint64_t before = device.changes();
    fs.commit();
    changes_ = device.changes() - before;
    new_tree_ = tree_of(device);
    REQUIRE(old_tree_ != new_tree_);
  }

  std::uint64_t changes() const { return changes_; }

  /// Lets the n-th change of the commit fail.
  void fail_at(std::uint64_t n, CrashingDevice& device) const {
    Filesystem fs = Filesystem::format(device, options_);
    make_old(fs);
    fs.commit();
    device.flush();
    edit(fs);
    device.fail_after(n);
    CHECK(error_code([&] { fs.commit(); }, "the test's device fails") == Errc::io);
    CHECK(error_code([&] { fs.make_directory(fs.root(), "x", {}); }, "failed") ==
          Errc::failed_precondition);
  }

  /// What e2fsck makes of the image.
  void look(std::span<const std::byte> bytes, Outcome& outcome) const {
    SparseFileDevice copy;
    fill(copy, bytes);
    const auto repaired = run_tool({e2fs_tool("e2fsck"), "-fy", copy.path()});
    CHECK_MESSAGE(repaired.status <= 1, repaired.output);
    CHECK(e2fsck_complaints(copy.path()) == "");
    const std::vector<std::string> tree = tree_of(copy);
    const bool is_old = tree == old_tree_;
    const bool is_new = tree == new_tree_;
    CHECK(is_old != is_new);
    ++(is_old ? outcome.old_state : outcome.new_state);
  }

 private:
  FormatOptions options_;
  std::vector<std::string> old_tree_;
  std::vector<std::string> new_tree_;
  std::uint64_t changes_ = 0;
};

void try_all(const FormatOptions& options) {
  if (!have_e2fsprogs()) return;
  const Trial trial(options);
  Outcome failed;
  Outcome crashed;
  for (std::uint64_t n = 0; n < trial.changes(); ++n) {
    CAPTURE(n);
    CrashingDevice device;
    trial.fail_at(n, device);
    trial.look(device.bytes(), failed);
    if (n % 2 == 0) trial.look(device.after_crash(static_cast<unsigned>(n)), crashed);
  }
  CHECK(failed.old_state > 2);
  CHECK(failed.new_state > 2);
  CHECK(crashed.old_state > 1);
  CHECK(crashed.new_state > 1);
}

TEST_CASE("an image with a journal is as before or as after, whichever write fails") {
  FormatOptions options = options_of(12_MiB);
  options.journal = 4_MiB;
  try_all(options);
}

TEST_CASE("an image without a journal is as before or as after, whichever write fails") {
  try_all(options_of(10_MiB));
}

}  // namespace
}  // namespace vmkit::ext4
