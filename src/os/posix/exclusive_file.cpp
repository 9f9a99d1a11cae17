// SPDX-License-Identifier: Apache-2.0
#include "os/exclusive_file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

bool still_named(const File& file) {
  struct stat opened;
  struct stat named;
  if (::fstat(file.fd(), &opened) != 0) {
    throw Error::from_errno(errno, "stat " + file.path().string());
  }
  if (::lstat(file.path().c_str(), &named) != 0) {
    if (errno == ENOENT) return false;
    throw Error::from_errno(errno, "stat " + file.path().string());
  }
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

std::optional<ExclusiveFile> ExclusiveFile::try_open(const std::filesystem::path& path) {
  for (;;) {
    File file = File::open(path, File::Mode::create, 0644, false);
    while (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::nullopt;
      if (errno != EINTR) throw Error::from_errno(errno, "lock " + path.string());
    }
    if (still_named(file)) return ExclusiveFile(std::move(file));
  }
}

ExclusiveFile ExclusiveFile::open(const std::filesystem::path& path, const CallOptions& options) {
  using namespace std::chrono_literals;
  for (std::chrono::steady_clock::duration pause = 1ms;;
       pause = std::min<decltype(pause)>(pause * 2, 50ms)) {
    if (auto file = try_open(path)) return std::move(*file);
    options.check("wait for " + path.string());
    options.stop.wait_for(options.remaining(pause));
  }
}

void ExclusiveFile::rename_to(const std::filesystem::path& target) {
  if (::rename(file_.path().c_str(), target.c_str()) != 0) {
    throw Error::from_errno(errno, "rename to " + target.string());
  }
  file_.renamed_to(target);
}

void ExclusiveFile::remove() {
  if (::unlink(file_.path().c_str()) != 0 && errno != ENOENT) {
    throw Error::from_errno(errno, "remove " + file_.path().string());
  }
}

}  // namespace vmkit::os
