// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "os/atomic_file.hpp"
#include "os/directory.hpp"
#include "os/file_lock.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/backup.hpp>
#include <vmkit/disk/image_folder.hpp>

namespace vmkit::disk {
namespace {

std::filesystem::path locks_of(const std::filesystem::path& folder) {
  return folder / "locks";
}

}  // namespace

struct ImageFolder::Lock::Impl {
  os::FileLock lock;
};

ImageFolder::Lock::Lock(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ImageFolder::Lock::Lock(Lock&&) noexcept = default;
ImageFolder::Lock& ImageFolder::Lock::operator=(Lock&&) noexcept = default;
ImageFolder::Lock::~Lock() = default;

ImageFolder::ImageFolder(std::filesystem::path path) : path_(std::move(path)) {
  os::create_directories(locks_of(path_));
  try {
    exclude_from_backup(path_);
  } catch (const Error&) {
    // Not the owner, or a file system without attributes: the folder works, the backup is larger.
  }
  os::AtomicFile::remove_abandoned(path_);
}

ImageFolder::Lock ImageFolder::lock(const std::string& name, const CallOptions& options) const {
  return Lock(std::make_unique<Lock::Impl>(Lock::Impl{
      os::FileLock::acquire(locks_of(path_) / name, os::FileLock::Kind::exclusive, options)}));
}

}  // namespace vmkit::disk
