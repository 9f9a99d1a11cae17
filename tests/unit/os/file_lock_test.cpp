// SPDX-License-Identifier: Apache-2.0
#include "os/file_lock.hpp"

#include <chrono>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace vmkit::os;
using namespace std::chrono_literals;

TEST_CASE("file lock: shared ones go together, an exclusive one alone") {
  const auto folder = test::temporary_directory();
  const auto path = folder.path() / "lock";
  {
    const auto first = FileLock::acquire(path, FileLock::Kind::shared);
    CHECK(FileLock::try_acquire(path, FileLock::Kind::shared));
    CHECK_FALSE(FileLock::try_acquire(path, FileLock::Kind::exclusive));
  }
  const auto alone = FileLock::try_acquire(path, FileLock::Kind::exclusive);
  CHECK(alone);
  CHECK_FALSE(FileLock::try_acquire(path, FileLock::Kind::shared));
}

TEST_CASE("file lock: waiting ends at the deadline and at a stop") {
  const auto folder = test::temporary_directory();
  const auto path = folder.path() / "lock";
  const auto held = FileLock::acquire(path, FileLock::Kind::exclusive);
  test::check_error(Errc::timeout, {path.string()}, [&] {
    FileLock::acquire(path, FileLock::Kind::shared, CallOptions{}.with_timeout(30ms));
  });
  StopSource source;
  source.request_stop();
  test::check_error(Errc::cancelled, {path.string()}, [&] {
    FileLock::acquire(path, FileLock::Kind::shared, {.stop = source.token()});
  });
}

TEST_CASE("file lock: ends with its process, however that ends") {
  const auto folder = test::temporary_directory();
  const auto path = folder.path() / "lock";
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto held = FileLock::acquire(path, FileLock::Kind::exclusive);
    [[maybe_unused]] const auto written = ::write(ready[1], "x", 1);
    ::pause();
    ::_exit(1);
  }
  char byte;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_FALSE(FileLock::try_acquire(path, FileLock::Kind::exclusive));
  ::kill(pid, SIGKILL);
  REQUIRE(::waitpid(pid, nullptr, 0) == pid);
  CHECK(FileLock::try_acquire(path, FileLock::Kind::exclusive));
  ::close(ready[0]);
  ::close(ready[1]);
}
