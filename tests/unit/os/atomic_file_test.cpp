// SPDX-License-Identifier: Apache-2.0
#include "os/atomic_file.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace vmkit::os;

namespace {
std::size_t entries_of(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}
}  // namespace

TEST_CASE("atomic file: there only after commit, and then alone") {
  const auto folder = test::temporary_directory();
  const auto target = folder.path() / "index.json";
  {
    AtomicFile file(target, 0640);
    CHECK_FALSE(std::filesystem::exists(target));
    file.commit();
  }
  CHECK(std::filesystem::exists(target));
  CHECK(entries_of(folder.path()) == 1);
  struct stat status;
  REQUIRE(::stat(target.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
}

TEST_CASE("atomic file: without commit the old content stays and nothing else is left") {
  const auto folder = test::temporary_directory();
  const auto target = folder.path() / "a";
  write_file_atomically(target, "old");
  {
    AtomicFile file(target);
    file.file().write_at(0, std::as_bytes(std::span("new", 3)));
  }
  CHECK(read_file(target, 1_KiB) == "old");
  CHECK(entries_of(folder.path()) == 1);
}

TEST_CASE("atomic file: a missing folder is an error that names it") {
  test::check_error(Errc::not_found, {"/nowhere/at/all/"},
                    [] { AtomicFile file("/nowhere/at/all/a"); });
}

TEST_CASE("atomic file: what a killed process left is removed, what is being written is not") {
  const auto folder = test::temporary_directory();
  const pid_t pid = ::fork();
  if (pid == 0) {
    AtomicFile killed(folder.path() / "dead");
    ::_exit(0);
  }
  REQUIRE(::waitpid(pid, nullptr, 0) == pid);
  AtomicFile alive(folder.path() / "alive");
  std::ofstream(folder.path() / ".hidden") << "not ours";
  CHECK(entries_of(folder.path()) == 3);
  AtomicFile::remove_abandoned(folder.path());
  CHECK(entries_of(folder.path()) == 2);
  alive.commit();
  CHECK(std::filesystem::exists(folder.path() / "alive"));
  CHECK(std::filesystem::exists(folder.path() / ".hidden"));
}

TEST_CASE("atomic file: a sweeper takes no file away that was just made") {
  const auto folder = test::temporary_directory();
  const auto target = folder.path() / "a";
  std::atomic<bool> done{false};
  std::thread sweeper([&] {
    while (!done) AtomicFile::remove_abandoned(folder.path());
  });
  std::string problem;
  for (int i = 0; i < 3000 && problem.empty(); ++i) {
    try {
      AtomicFile file(target);
      file.commit(AtomicFile::Existing::replace, AtomicFile::Durability::ephemeral);
    } catch (const Error& error) {
      problem = error.what();
    }
  }
  done = true;
  sweeper.join();
  CHECK(problem == "");
  AtomicFile::remove_abandoned(folder.path());
  CHECK(entries_of(folder.path()) == 1);
}
