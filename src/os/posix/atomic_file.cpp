// SPDX-License-Identifier: Apache-2.0
#include "os/atomic_file.hpp"

#include <cerrno>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "os/clone_file.hpp"
#include "os/directory.hpp"
#include "os/file_lock.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

constexpr std::string_view mark = ".tmp-";

std::filesystem::path temporary_path(const std::filesystem::path& target) {
  return target.parent_path() /
         ("." + target.filename().string() + std::string(mark) + random_name());
}

/// Locks a file that was just made. False if a sweeper was faster: the file is gone, or will be.
bool claim(const File& file) {
  try {
    if (!try_lock(file, FileLock::Kind::exclusive)) return false;
    struct stat status;
    if (::fstat(file.fd(), &status) != 0) {
      throw Error::from_errno(errno, "stat " + file.path().string());
    }
    return status.st_nlink != 0;
  } catch (...) {
    ::unlink(file.path().c_str());
    throw;
  }
}

File create_temporary(const std::filesystem::path& target, unsigned permissions) {
  for (;;) {
    try {
      File file = File::open(temporary_path(target), File::Mode::create_new, permissions);
      if (claim(file)) return file;
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
    std::optional<File> clone;
    try {
      clone = File::open(path, File::Mode::read_write);
    } catch (const Error& error) {
      if (error.code() != Errc::not_found) throw;
    }
    if (!clone || !claim(*clone)) continue;
    ::unlink(file_.path().c_str());
    file_ = std::move(*clone);
    return true;
  }
}

void AtomicFile::commit(Existing existing, Durability durability) {
  if (durability == Durability::synced) file_.sync();
  if (existing == Existing::replace) {
    move_to(file_.path(), target_);
  } else if (::link(file_.path().c_str(), target_.c_str()) == 0) {
    ::unlink(file_.path().c_str());
  } else if (errno == EPERM || errno == ENOTSUP || errno == EMLINK || errno == ENOSYS) {
    // A file system without hard links: the look and the rename are two steps here.
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(target_, ignored))) {
      throw Error::from_errno(EEXIST, "create " + target_.string());
    }
    move_to(file_.path(), target_);
  } else {
    throw Error::from_errno(errno, "create " + target_.string());
  }
  committed_ = true;
  file_.renamed_to(target_);
  if (durability == Durability::synced) sync_directory(target_.parent_path());
}

void AtomicFile::remove_abandoned(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(".") || name.find(mark) == std::string::npos) continue;
    try {
      const File file = File::open(entry.path(), File::Mode::read_write, 0, false);
      if (try_lock(file, FileLock::Kind::exclusive)) ::unlink(entry.path().c_str());
    } catch (const Error&) {
      // Gone meanwhile, or not ours to remove: then it is no leftover of ours.
    }
  }
}

}  // namespace vmkit::os
