// SPDX-License-Identifier: Apache-2.0
#include "os/atomic_file.hpp"

#include <cerrno>
#include <random>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "os/clone_file.hpp"
#include "os/directory.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

constexpr std::string_view mark = ".tmp-";

std::filesystem::path temporary_path(const std::filesystem::path& target) {
  return target.parent_path() /
         ("." + target.filename().string() + std::string(mark) + random_name());
}

File create_temporary(const std::filesystem::path& target, unsigned permissions) {
  for (;;) {
    try {
      File file = File::open(temporary_path(target), File::Mode::create_new, permissions);
      // Nobody else knows the name yet but a sweeper, who holds the lock for an instant only.
      if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) return file;
    } catch (const Error& error) {
      if (error.code() != Errc::already_exists) throw;
    }
  }
}

void move_to(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw Error::from_errno(errno, "rename to " + to.string());
  }
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target, unsigned permissions)
    : target_(std::move(target)), file_(create_temporary(target_, permissions)) {}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(file_.path().c_str());
}

bool AtomicFile::try_clone_from(const File& source) {
  for (;;) {
    const auto path = temporary_path(target_);
    if (!try_clone_file(source, path)) return false;
    File clone = File::open(path, File::Mode::read_write);
    // A sweeper may have come between; what it locked and removed has no name any more.
    struct stat status;
    if (::flock(clone.fd(), LOCK_EX | LOCK_NB) != 0 || ::fstat(clone.fd(), &status) != 0 ||
        status.st_nlink == 0) {
      continue;
    }
    ::unlink(file_.path().c_str());
    file_ = std::move(clone);
    return true;
  }
}

void AtomicFile::commit(Existing existing) {
  file_.sync();
  if (existing == Existing::replace) {
    move_to(file_.path(), target_);
  } else if (::link(file_.path().c_str(), target_.c_str()) == 0) {
    ::unlink(file_.path().c_str());
  } else if (errno == EPERM || errno == ENOTSUP || errno == EMLINK || errno == ENOSYS) {
    // A file system without hard links: the look and the rename are two steps here.
    if (std::filesystem::exists(std::filesystem::symlink_status(target_))) {
      throw Error::from_errno(EEXIST, "create " + target_.string());
    }
    move_to(file_.path(), target_);
  } else {
    throw Error::from_errno(errno, "create " + target_.string());
  }
  committed_ = true;
  file_.renamed_to(target_);
  sync_directory(target_.parent_path());
}

void AtomicFile::remove_abandoned(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(".") || name.find(mark) == std::string::npos) continue;
    try {
      const File file = File::open(entry.path(), File::Mode::read_write, 0, false);
      if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
    } catch (const Error&) {
      // Gone meanwhile, or not ours to remove: then it is no leftover of ours.
    }
  }
}

}  // namespace vmkit::os
