// SPDX-License-Identifier: Apache-2.0
#include "os/disk_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

// What QEMU locks for reading: at 100 a byte for each thing it does with an image, at 200 one for
// each that others may not do meanwhile. Whoever comes looks whether somebody has the opposite.
constexpr off_t reads = 100;
constexpr off_t writes = 101;
constexpr off_t forbids_writes = 201;

struct ::flock range(short type, off_t byte) {
  struct ::flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

/// False where the file system has no such locks.
bool set(const File& file, short type, off_t byte) {
  struct ::flock lock = range(type, byte);
  if (::fcntl(file.fd(), F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EINVAL || errno == ENOTSUP || errno == ENOLCK || errno == EAGAIN) return false;
  throw Error::from_errno(errno, "lock " + file.path().string());
}

bool held_by_another(const File& file, off_t byte) {
  struct ::flock lock = range(F_WRLCK, byte);
  return ::fcntl(file.fd(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool try_lock_as_qemu(const File& file, FileLock::Kind kind) {
  const bool write = kind == FileLock::Kind::exclusive;
  const off_t own = write ? writes : reads;
  if (!set(file, F_RDLCK, own) || !set(file, F_RDLCK, forbids_writes)) return true;
  // First taken and then looked: of two that come at once, neither misses the other.
  if (!held_by_another(file, writes) && !(write && held_by_another(file, forbids_writes))) {
    return true;
  }
  set(file, F_UNLCK, own);
  set(file, F_UNLCK, forbids_writes);
  return false;
}

bool holds_lock(const std::filesystem::path& process, const std::string& descriptor) {
  std::ifstream info(process / "fdinfo" / descriptor);
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("lock:")) return true;
  }
  return false;
}

bool holds_lock_on(const std::filesystem::path& process, const struct stat& wanted) {
  std::error_code error;
  std::filesystem::directory_iterator fds(process / "fd", error);
  for (; !error && fds != std::filesystem::directory_iterator(); fds.increment(error)) {
    struct stat found;
    if (::stat(fds->path().c_str(), &found) == 0 && found.st_dev == wanted.st_dev &&
        found.st_ino == wanted.st_ino && holds_lock(process, fds->path().filename().string())) {
      return true;
    }
  }
  return false;
}

std::string describe(const std::filesystem::path& process) {
  if (process.filename() == std::to_string(::getpid())) return "this process";
  std::ifstream file(process / "comm");
  std::string name;
  std::getline(file, name);
  return "process " + process.filename().string() + (name.empty() ? "" : " (" + name + ")");
}

}  // namespace

bool try_lock_disk(const File& file, FileLock::Kind kind) {
  if (!try_lock(file, kind)) return false;
  if (try_lock_as_qemu(file, kind)) return true;
  ::flock(file.fd(), LOCK_UN);
  return false;
}

std::string lock_holders(const std::filesystem::path& path) {
  struct stat wanted;
  if (::stat(path.c_str(), &wanted) != 0) return {};
  std::string holders;
  std::error_code error;
  std::filesystem::directory_iterator processes("/proc", error);
  for (; !error && processes != std::filesystem::directory_iterator(); processes.increment(error)) {
    const std::string name = processes->path().filename().string();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    if (!holds_lock_on(processes->path(), wanted)) continue;
    holders += (holders.empty() ? "" : ", ") + describe(processes->path());
  }
  return holders;
}

}  // namespace vmkit::os
