// SPDX-License-Identifier: Apache-2.0
#include "container/folder.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using container::Folder;

TEST_CASE("folder: private, made with its parents, gone with the object") {
  const auto parent = test::temporary_directory();
  const auto path = parent.path() / "a/b/box";
  {
    const Folder folder(path);
    struct stat status;
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0700);
    test::check_error(Errc::already_exists, {path.string()}, [&] { Folder again(path); });
    CHECK(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("folder: a sweep never takes one that is being made") {
  const auto parent = test::temporary_directory();
  std::atomic<bool> done{false};
  std::thread sweep([&] {
    while (!done) Folder::remove_abandoned(parent.path());
  });
  for (int i = 0; i < 3000; ++i) {
    try {
      const Folder folder(parent.path() / std::to_string(i));
      if (!std::filesystem::exists(folder.disk().parent_path())) {
        FAIL_CHECK("taken away, number ", i);
        break;
      }
    } catch (const Error& error) {
      FAIL_CHECK("number ", i, ": ", std::string(error.what()));
      break;
    }
  }
  done = true;
  sweep.join();
}

TEST_CASE("folder: a sweep passes by what it cannot look into") {
  const auto parent = test::temporary_directory();
  std::filesystem::create_directory(parent.path() / "odd");
  std::filesystem::create_symlink("container.lock", parent.path() / "odd/container.lock");
  CHECK(Folder::remove_abandoned(parent.path()) == 0);
  std::ofstream(parent.path() / "file") << "x";
  CHECK(Folder::remove_abandoned(parent.path() / "file") == 0);
}

TEST_CASE("folder: what a killed process left is removed, and nothing else") {
  const auto parent = test::temporary_directory();
  const pid_t pid = ::fork();
  if (pid == 0) {
    const Folder folder(parent.path() / "dead");
    std::ofstream(folder.disk()) << "x";
    ::_exit(0);
  }
  REQUIRE(::waitpid(pid, nullptr, 0) == pid);
  const Folder alive(parent.path() / "alive");
  std::filesystem::create_directory(parent.path() / "other");
  std::filesystem::create_directory_symlink("dead", parent.path() / "link");
  REQUIRE(std::filesystem::exists(parent.path() / "dead/disk.ext4"));
  CHECK(Folder::remove_abandoned(parent.path()) == 1);
  CHECK_FALSE(std::filesystem::exists(parent.path() / "dead"));
  CHECK(std::filesystem::exists(parent.path() / "alive"));
  CHECK(std::filesystem::exists(parent.path() / "other"));
  CHECK(Folder::remove_abandoned(parent.path() / "missing") == 0);
}

TEST_CASE("folder: a container that nobody has is removed by its folder, whatever is in it") {
  const auto parent = test::temporary_directory();
  const auto path = parent.path() / "kept";
  {
    Folder folder(path);
    std::ofstream(folder.disk()) << "x";
    std::filesystem::create_directories(path / "disk.ext4.snapshots");
    test::check_error(Errc::unavailable, {path.string(), "in use"}, [&] { Folder::remove(path); });
    folder.keep(true);
  }
  CHECK(std::filesystem::exists(path / "disk.ext4"));
  Folder::remove(path);
  CHECK_FALSE(std::filesystem::exists(path));
  test::check_error(Errc::not_found, {path.string()}, [&] { Folder::remove(path); });
  test::check_error(Errc::not_found, {"container.lock"}, [&] { Folder::remove(parent.path()); });
}
