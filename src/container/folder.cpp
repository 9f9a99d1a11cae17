// SPDX-License-Identifier: Apache-2.0
#include "container/folder.hpp"

#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <utility>

#include "container/record.hpp"
#include "os/directory.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::container {
namespace {

// Also what marks a folder as a container's. The lock gets this name when it is held: one that has
// the name and is free is abandoned.
constexpr const char* lock_name = "container.lock";

os::FileLock make_and_lock(const std::filesystem::path& path) {
  if (path.has_parent_path()) os::create_directories(path.parent_path(), 0755);
  if (::mkdir(path.c_str(), 0700) != 0) {
    throw Error::from_errno(errno, "create the container's folder " + path.string());
  }
  try {
    const auto unnamed = path / (std::string(lock_name) + ".new");
    os::FileLock lock = os::FileLock::acquire(unnamed, os::FileLock::Kind::exclusive);
    std::filesystem::rename(unnamed, path / lock_name);
    return lock;
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    throw;
  }
}

os::FileLock open_and_lock(const std::filesystem::path& path) {
  const auto lock_file = path / lock_name;
  if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(lock_file))) {
    throw Error(Errc::not_found, path.string() + ": expected the folder of a container, found no " +
                                     lock_name + " in it");
  }
  try {
    // Who only looks whether it is held holds it for a moment.
    return os::FileLock::acquire(lock_file, os::FileLock::Kind::exclusive,
                                 CallOptions{}.with_timeout(std::chrono::milliseconds(200)));
  } catch (const Error& error) {
    if (error.code() != Errc::timeout) throw;
    throw Error(Errc::unavailable, "the container in " + path.string() +
                                       " is in use, by this process or another: end that first");
  }
}

}  // namespace

Folder::Folder(std::filesystem::path path, How how)
    : path_(std::move(path)),
      lock_(how == How::make ? make_and_lock(path_) : open_and_lock(path_)) {}

Folder::~Folder() {
  if (!kept_) remove();
}

void Folder::remove() noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  kept_ = true;  // what may be there later is another's
}

void Folder::remove(const std::filesystem::path& path) {
  const os::FileLock lock = open_and_lock(path);
  // The lock goes last: what is left on an error is still known as a container's folder.
  try {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().filename() != lock_name) std::filesystem::remove_all(entry.path());
    }
    std::filesystem::remove_all(path);
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error::from_errno(error.code().value(), "remove the container in " + path.string());
  }
}

std::optional<bool> Folder::is_held(const std::filesystem::path& path) {
  const auto lock_file = path / lock_name;
  std::error_code none;
  if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(lock_file, none))) {
    return std::nullopt;
  }
  return !os::FileLock::try_acquire(lock_file, os::FileLock::Kind::shared).has_value();
}

std::size_t Folder::remove_abandoned(const std::filesystem::path& parent) {
  std::size_t removed = 0;
  std::error_code none;  // no such parent, or one that we may not read: nothing to remove
  std::filesystem::directory_iterator entries(parent, none);
  for (; entries != std::filesystem::directory_iterator(); entries.increment(none)) {
    const auto& entry = *entries;
    try {
      const auto lock_file = entry.path() / lock_name;
      if (entry.is_symlink() || !std::filesystem::is_regular_file(lock_file)) continue;
      const auto lock = os::FileLock::try_acquire(lock_file, os::FileLock::Kind::exclusive);
      if (!lock) continue;
      const auto record = read_record(entry.path());
      if (record && record->kept) continue;
      std::filesystem::remove_all(entry.path());
      ++removed;
    } catch (const Error&) {
      // Removed by its owner or by another sweep in this moment.
    } catch (const std::filesystem::filesystem_error&) {
      // The same, or not ours to look into or to remove.
    }
  }
  return removed;
}

}  // namespace vmkit::container
