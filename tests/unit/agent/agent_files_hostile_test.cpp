// SPDX-License-Identifier: Apache-2.0
// Containers that try to lead requests about their files out of their root.
#include <atomic>
#include <linux/fs.h>
#include <sys/syscall.h>

#include "unit/agent/file_tree.hpp"

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;

/// Beside the guest's root lies what it must never reach.
struct HostileSession {
  HostileSession() {
    folder.write("secret/file", "secret");
    folder.write("root/inside", "inside");
    folder.write("root/secret/file", "decoy");
  }

  TempDir folder;
  TempDir host;
  Session session{(folder.path() / "root").string()};
  Files files = session.client.files();
  std::filesystem::path root = folder.path() / "root";
  std::filesystem::path outside = folder.path() / "secret";

  void check_untouched() {
    CHECK(count_entries(outside) == 1);
    CHECK(content_of(outside / "file") == "secret");
    CHECK(count_entries(folder.path()) == 2);
  }
};

TEST_CASE("files: links do not lead out of the root") {
  HostileSession test;
  auto& files = test.files;
  const auto link = [&](const std::string& target, const std::string& name) {
    std::filesystem::create_symlink(target, test.root / name);
  };
  link("../secret", "up");
  link("../../../../../../../../../" + test.outside.string(), "far up");
  link("/secret", "absolute");
  link(test.outside.string(), "as on the host");
  link("up/../../secret", "through another");
  test.host.write("new", "new");

  // ".." ends at the root, and "/" is the root: what is found there is the container's own.
  for (const std::string name :
       {"/up", "/absolute", "/through another", "/../secret", "/up/../../../secret"}) {
    CAPTURE(name);
    CHECK(files.read(name + "/file", 1_MiB, soon()) == "decoy");
    CHECK(files.list(name, soon()).size() == 1);
    files.copy_in(test.host.path() / "new", name, {}, soon());
    CHECK(content_of(test.root / "secret/new") == "new");
    files.copy_out(name + "/.", test.host.path() / "out", {}, soon());
    CHECK(content_of(test.host.path() / "out/file") == "decoy");
    files.remove(name + "/new", {}, soon());
    files.make_directory(name + "/made", 0755, false, soon());
    files.rename(name + "/made", name + "/renamed", soon());
    files.remove(name + "/renamed", {}, soon());
    files.set_attributes(name + "/file", {.permissions = 0640}, soon());
    test.check_untouched();
  }
  for (const std::string name : {"/as on the host", "/far up"}) {
    CAPTURE(name);
    expect(Errc::not_found, ENOENT, "", [&] { files.read(name + "/file", 1_MiB, soon()); });
    expect(Errc::not_found, ENOENT, "", [&] { files.list(name, soon()); });
    expect(Errc::not_found, ENOENT, "",
           [&] { files.copy_in(test.host.path() / "new", name + "/new", {}, soon()); });
    expect(Errc::not_found, ENOENT, "", [&] { files.remove(name + "/file", {}, soon()); });
  }
  // A tree is copied with its links, and removed without following them.
  files.copy_out("/", test.host.path() / "tree", {}, soon());
  CHECK(std::filesystem::read_symlink(test.host.path() / "tree/absolute") == "/secret");
  files.remove("/up", {.recursive = true}, soon());
  CHECK(content_of(test.root / "secret/file") == "decoy");
  // A link made over in a loop.
  link("loop", "loop");
  expect(Errc::invalid_argument, ELOOP, "", [&] { files.read("/loop", 1_MiB, soon()); });
  expect(Errc::invalid_argument, ELOOP, "",
         [&] { files.copy_in(test.host.path() / "new", "/loop", {}, soon()); });
  test.check_untouched();
}

TEST_CASE("files: links of procfs are not followed") {
  TempDir host;
  host.write("new", "new");
  Session session;  // its root is the system's own, which has a /proc
  auto files = session.client.files();
  CHECK_FALSE(files.read("/proc/self/status", 1_MiB, soon()).empty());
  for (const std::string path :
       {"/proc/self/root", "/proc/self/cwd", "/proc/self/fd/0", "/proc/1/root"}) {
    CAPTURE(path);
    CHECK_THROWS_AS(files.stat(path + "/etc/passwd", soon()), Error);
    CHECK_THROWS_AS(files.read(path, 1_MiB, soon()), Error);
    CHECK_THROWS_AS(files.copy_in(host.path() / "new", path, {}, soon()), Error);
  }
  expect(Errc::invalid_argument, ELOOP, "/proc/self/root",
         [&] { files.stat("/proc/self/root/etc", soon()); });
}

TEST_CASE("files: links that change during a copy do not lead out of the root") {
  HostileSession test;
  for (int i = 0; i < 50; ++i) {
    test.folder.write("root/tree/d/" + std::to_string(i), "inside");
    test.host.write("tree/d/" + std::to_string(i), "inside");
  }
  std::filesystem::create_symlink("../../secret", test.root / "tree/l");
  std::filesystem::create_directory(test.root / "into");
  std::filesystem::create_directory(test.root / "into/d");
  std::filesystem::create_symlink("../../secret", test.root / "into/l");
  std::atomic<bool> over{false};
  std::thread swapper([&] {
    const auto swap = [&](const char* folder) {
      ::syscall(SYS_renameat2, AT_FDCWD, (test.root / folder / "d").c_str(), AT_FDCWD,
                (test.root / folder / "l").c_str(), RENAME_EXCHANGE);
    };
    while (!over) {
      swap("tree");
      swap("into");
    }
  });
  const auto limit = Clock::now() + 400ms;
  int copies = 0;
  bool leaked = false;
  for (int i = 0; Clock::now() < limit; ++i) {
    const auto attempt = [&](auto call) {
      try {
        call();
        ++copies;
      } catch (const Error&) {
        // That it may not succeed is all that the container gets from it.
      }
    };
    const auto out = test.host.path() / ("out" + std::to_string(i));
    attempt([&] { test.files.copy_out("/tree", out, {}, soon()); });
    attempt([&] {
      test.files.copy_in((test.host.path() / "tree").string() + "/.", "/into", {}, soon());
    });
    attempt([&] { test.files.write("/into/d/file", "x", 0600, soon()); });
    attempt([&] {
      if (test.files.read("/tree/d/file", 1_MiB, soon()) == "secret") leaked = true;
    });
    attempt([&] { test.files.remove("/into/d/file", {}, soon()); });
  }
  over = true;
  swapper.join();
  CHECK(copies > 0);
  CHECK_FALSE(leaked);
  test.check_untouched();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(test.host.path())) {
    if (entry.is_regular_file()) CHECK(content_of(entry.path()) != "secret");
  }
}

}  // namespace
