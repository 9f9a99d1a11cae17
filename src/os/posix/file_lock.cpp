// SPDX-License-Identifier: Apache-2.0
#include "os/file_lock.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/file.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

bool try_lock(const File& file, FileLock::Kind kind) {
  const int operation = (kind == FileLock::Kind::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(file.fd(), operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw Error::from_errno(errno, "lock " + file.path().string());
  }
  return true;
}

std::optional<FileLock> FileLock::try_acquire(const std::filesystem::path& path, Kind kind) {
  File file = File::open(path, File::Mode::create, 0644, false);
  if (!try_lock(file, kind)) return std::nullopt;
  return FileLock(std::move(file));
}

FileLock FileLock::acquire(const std::filesystem::path& path, Kind kind,
                           const CallOptions& options) {
  // flock has no time limit and a signal would have to end it, so it is asked again and again.
  using namespace std::chrono_literals;
  for (std::chrono::steady_clock::duration pause = 1ms;;
       pause = std::min<decltype(pause)>(pause * 2, 50ms)) {
    if (auto lock = try_acquire(path, kind)) return std::move(*lock);
    options.check("lock " + path.string());
    options.stop.wait_for(options.remaining(pause));
  }
}

}  // namespace vmkit::os
