// SPDX-License-Identifier: Apache-2.0
#include "os/folder.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

const char* kind_of(mode_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a fifo";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

/// Opens one part of a path; an empty Descriptor if it does not exist.
Descriptor open_part(int folder, const std::string& name, bool last,
                     const std::filesystem::path& shown) {
  struct stat status;
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    throw Error::from_errno(errno, "stat " + shown.string());
  }
  if (last ? !S_ISREG(status.st_mode) : !S_ISDIR(status.st_mode)) {
    throw Error(Errc::data_corruption, shown.string() + ": expected " +
                                           (last ? "a regular file" : "a folder") + ", found " +
                                           kind_of(status.st_mode));
  }
  // Whatever took the place of what was looked at: it is neither followed nor waited for.
  const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
  Descriptor fd(::openat(folder, name.c_str(), flags));
  if (!fd) {
    if (errno == ENOENT) return {};
    throw Error::from_errno(errno, "open " + shown.string());
  }
  if (last && (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))) {
    throw Error(Errc::data_corruption, shown.string() + ": expected a regular file");
  }
  return fd;
}

}  // namespace

Folder Folder::open(const std::filesystem::path& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw Error::from_errno(errno, "open folder " + path.string());
  return Folder(path, std::move(fd));
}

std::optional<File> Folder::open_file(std::string_view name) const {
  std::filesystem::path shown = path_;
  Descriptor folder;
  for (std::string_view rest = name;;) {
    const std::size_t slash = rest.find('/');
    const bool last = slash == rest.npos;
    const std::string part(rest.substr(0, slash));
    if (part.empty() || part == "." || part == ".." || part.find('\0') != part.npos) {
      throw Error(Errc::invalid_argument,
                  "\"" + std::string(name) + "\": expected a plain path below " + path_.string());
    }
    shown /= part;
    Descriptor fd = open_part(folder ? folder.get() : fd_.get(), part, last, shown);
    if (!fd) return std::nullopt;
    if (last) return File(std::move(shown), std::move(fd));
    folder = std::move(fd);
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace vmkit::os
