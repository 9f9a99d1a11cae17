// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "support/errors.hpp"

#include <vmkit/disk/image_file.hpp>
#include <vmkit/disk/snapshots.hpp>

using namespace vmkit;
using namespace vmkit::disk;
using test::check_error;
namespace fs = std::filesystem;

namespace {

struct SnapshotsFixture {
  SnapshotsFixture() {
    ImageFile::create(disk, 1_MiB).publish();
    write("zero");
  }

  void write(const std::string& text) {
    ImageFile::open(disk, ImageFile::Access::read_write)
        .write_at(0, std::as_bytes(std::span(text)));
  }
  static std::string content(const fs::path& path) {
    return os::read_file(path, 1_MiB).substr(0, 4);
  }
  /// "name<parent" of each, oldest first.
  std::string tree() const {
    std::string text;
    for (const Snapshot& snapshot : snapshots.list()) {
      text += (text.empty() ? "" : " ") + snapshot.name + "<" + snapshot.parent;
    }
    return text;
  }
  std::size_t images() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(disk.string() + ".snapshots")) {
      if (entry.path().extension() == ".img") ++count;
    }
    return count;
  }
  void write_table(const std::string& text) {
    os::write_file_atomically(disk.string() + ".snapshots/table", text);
  }

  os::TemporaryDirectory folder{fs::temp_directory_path(), "vmkit-snapshots"};
  fs::path disk = folder.path() / "disk.img";
  Snapshots snapshots{disk};
};

}  // namespace

TEST_CASE_FIXTURE(SnapshotsFixture, "snapshots: create, list, restore, fork, remove") {
  CHECK(snapshots.list().empty());
  CHECK(snapshots.current().empty());
  CHECK_FALSE(fs::exists(disk.string() + ".snapshots"));

  snapshots.create("a");
  write("one ");
  snapshots.create("b");
  write("two ");
  CHECK(tree() == "a< b<a");
  CHECK(snapshots.current() == "b");
  const Snapshot first = snapshots.list().front();
  CHECK(first.size == 1_MiB);
  CHECK(content(first.path) == "zero");
  CHECK(std::chrono::system_clock::now() - first.created < std::chrono::minutes(1));
  CHECK((fs::status(first.path).permissions() & fs::perms::others_all) == fs::perms::none);

  snapshots.restore("a");
  CHECK(content(disk) == "zero");
  CHECK(snapshots.current() == "a");
  write("side");
  snapshots.create("c");
  CHECK(tree() == "a< b<a c<a");

  snapshots.fork("b", folder.path() / "fork.img");
  CHECK(content(folder.path() / "fork.img") == "one ");
  snapshots.remove("a");
  CHECK(tree() == "b< c<");
  snapshots.remove("c");
  CHECK(snapshots.current().empty());
  CHECK(images() == 1);

  // A disk that is gone comes back.
  fs::remove(disk);
  snapshots.restore("b");
  CHECK(content(disk) == "one ");
}

TEST_CASE_FIXTURE(SnapshotsFixture, "snapshots: what is refused") {
  snapshots.create("a");
  check_error(Errc::already_exists, {"snapshot a"}, [&] { snapshots.create("a"); });
  check_error(Errc::not_found, {"no snapshot b"}, [&] { snapshots.restore("b"); });
  check_error(Errc::not_found, {"no snapshot b"}, [&] { snapshots.remove("b"); });
  check_error(Errc::already_exists, {"disk.img"}, [&] { snapshots.fork("a", disk); });
  check_error(Errc::not_found, {"no such disk"},
              [&] { Snapshots(folder.path() / "none").create("a"); });
  for (const std::string& name : {std::string(), std::string("-"), std::string("a b"),
                                  std::string("../x"), std::string(65, 'x')}) {
    check_error(Errc::invalid_argument, {"64 letters"}, [&] { snapshots.create(name); });
  }
  {
    const ImageFile user = ImageFile::open(disk, ImageFile::Access::read_write);
    check_error(Errc::failed_precondition, {"being written by this process"},
                [&] { snapshots.create("b"); });
    check_error(Errc::failed_precondition, {"in use by this process"},
                [&] { snapshots.restore("a"); });
  }
  {
    const auto path = snapshots.list().front().path;
    const ImageFile user = ImageFile::open(path, ImageFile::Access::read_only);
    check_error(Errc::failed_precondition, {"remove snapshot a"}, [&] { snapshots.remove("a"); });
  }
  CHECK(tree() == "a<");
  CHECK(images() == 1);
}

TEST_CASE_FIXTURE(SnapshotsFixture, "snapshots: what killed processes left is put in order") {
  snapshots.create("a");
  write("one ");
  const auto orphan = disk.string() + ".snapshots/orphan.img";
  os::write_file_atomically(orphan, "x");
  const std::string table = os::read_file(disk.string() + ".snapshots/table", 1_MiB);
  const auto with = [&](std::uint64_t inode) {
    std::string changed = table;
    changed.replace(changed.find("current a\n"), 10,
                    "current -\nrestoring a " + std::to_string(inode) + "\n");
    return changed;
  };
  // Ended before the disk was replaced: it did not happen.
  write_table(with(1));
  CHECK(snapshots.current().empty());
  // After that: it did.
  write_table(with(os::regular_file_status(disk)->inode));
  CHECK(snapshots.current() == "a");
  snapshots.create("b");
  CHECK(tree() == "a< b<a");
  CHECK_FALSE(fs::exists(orphan));
}

TEST_CASE_FIXTURE(SnapshotsFixture, "snapshots: a garbled table") {
  snapshots.create("a");
  for (const char* text :
       {"", "vmkit-snapshots 1\ncurrent -", "vmkit-snapshots 2\n", "vmkit-snapshots 1\ncurrent b\n",
        "vmkit-snapshots 1\nsnapshot a - 1 ../../x\n", "vmkit-snapshots 1\nsnapshot a - x f.img\n",
        "vmkit-snapshots 1\nsnapshot a - 1 f\nsnapshot a - 1 f\n", "vmkit-snapshots 1\nwhat\n"}) {
    CAPTURE(text);
    write_table(text);
    check_error(Errc::data_corruption, {"table of snapshots", "line "}, [&] { snapshots.list(); });
    check_error(Errc::data_corruption, {"table of snapshots"}, [&] { snapshots.create("x"); });
  }
  CHECK(images() == 1);  // nothing is swept by a table that cannot be read
}

TEST_CASE_FIXTURE(SnapshotsFixture, "snapshots: several processes at once, some of them killed") {
  std::vector<pid_t> workers;
  for (int worker = 0; worker < 4; ++worker) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      try {
        for (int i = 0; i < 8; ++i) {
          snapshots.create("w" + std::to_string(worker) + "-" + std::to_string(i));
        }
        ::_exit(0);
      } catch (const Error&) {
        ::_exit(1);
      }
    }
    workers.push_back(pid);
  }
  ::usleep(3000);
  ::kill(workers[0], SIGKILL);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    int status = 0;
    REQUIRE(::waitpid(workers[i], &status, 0) == workers[i]);
    if (i > 0) CHECK(status == 0);
  }
  snapshots.create("last");
  const auto all = snapshots.list();
  CHECK(all.size() >= 25);
  CHECK(images() == all.size());
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i].parent == all[i - 1].name);
}
