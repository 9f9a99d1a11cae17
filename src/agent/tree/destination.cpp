// SPDX-License-Identifier: Apache-2.0
#include "agent/tree/destination.hpp"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <random>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "agent/tree/format.hpp"
#include "agent/tree/path_error.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent::tree {
namespace {

constexpr int open_folder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr int max_links = 40;

/// The path without slashes, and "." parts, at its end; whether there were any.
bool strip_end(std::string& path) {
  const std::size_t before = path.size();
  for (;;) {
    if (path.size() > 1 && path.ends_with('/')) {
      path.pop_back();
    } else if (path.size() > 2 && path.ends_with("/.")) {
      path.resize(path.size() - 2);
      if (path.empty()) path = "/";
    } else {
      return path.size() != before;
    }
  }
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string link_target(int folder, const std::string& name, const std::string& path) {
  std::string target(max_target, '\0');
  const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
  if (size <= 0) throw path_error(size < 0 ? errno : ENOENT, "read the link " + shown(path));
  target.resize(static_cast<std::size_t>(size));
  return target.starts_with('/') ? target : folder_of(path) + "/" + target;
}

/// What exists at `name` in the folder that the copy goes into.
Destination inside(os::Descriptor folder, const std::string& path, FileKind root,
                   const BuildRules& rules) {
  if (root == FileKind::directory && (rules.contents_only || rules.source_name.empty())) {
    return {std::move(folder), {}, {}};
  }
  const std::string& name = rules.source_name;
  if (name.empty()) throw_kind_conflict(path, root);
  if (!is_name(name)) {
    throw Error(Errc::invalid_argument,
                "copy to " + shown(path) + ": it is a folder, and the copy has no name for there");
  }
  struct stat status;
  if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) throw path_error(errno, "look at " + shown(path + "/" + name));
    return {{}, std::move(folder), name};
  }
  if (S_ISDIR(status.st_mode) != (root == FileKind::directory)) {
    throw_kind_conflict(path + "/" + name, root);
  }
  if (root != FileKind::directory) return {{}, std::move(folder), name};
  os::Descriptor existing(::openat(folder.get(), name.c_str(), open_folder | O_NOFOLLOW));
  if (!existing) throw path_error(errno, "open the folder " + shown(path + "/" + name));
  return {std::move(existing), {}, {}};
}

void remove_children(int folder, const std::string& name) {
  os::Descriptor fd(::openat(folder, name.c_str(), open_folder | O_NOFOLLOW));
  if (!fd && errno == EACCES && ::fchmodat(folder, name.c_str(), 0700, 0) == 0) {
    fd.reset(::openat(folder, name.c_str(), open_folder | O_NOFOLLOW));
  }
  if (!fd) throw path_error(errno, "open the folder " + shown(name));
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd.get()), ::closedir);
  if (!directory) throw path_error(errno, "read the folder " + shown(name));
  const int opened = fd.release();  // the DIR's
  while (const dirent* found = ::readdir(directory.get())) {
    const std::string child = found->d_name;
    if (child == "." || child == "..") continue;
    if (::unlinkat(opened, child.c_str(), 0) == 0) continue;
    if (errno == EACCES) ::fchmod(opened, 0700);  // our own, made without write permission
    remove_all(opened, child);
  }
}

}  // namespace

void throw_kind_conflict(const std::string& path, FileKind kind) {
  throw kind == FileKind::directory
      ? Error(Errc::failed_precondition,
              "copy a folder to " + shown(path) + ": expected a folder there, found a file",
              NativeError{ErrorDomain::posix, ENOTDIR})
      : Error(Errc::failed_precondition,
              "copy a file to " + shown(path) + ": expected a file there, found a folder",
              NativeError{ErrorDomain::posix, EISDIR});
}

std::string temporary_name() {
  constexpr char digits[] = "0123456789abcdef";
  std::random_device random;
  std::string name = ".vmkit-";
  for (int i = 0; i < 3; ++i) {
    for (unsigned value = random(), left = 8; left != 0; --left, value >>= 4) {
      name += digits[value & 0xf];
    }
  }
  return name;
}

Destination find_destination(const OpenPath& open, const std::string& destination, FileKind root,
                             const BuildRules& rules) {
  std::string path = destination;
  bool folder_expected = strip_end(path);
  for (int links = 0; links < max_links; ++links) {
    if (os::Descriptor folder{open(path, open_folder)}) {
      return inside(std::move(folder), path, root, rules);
    }
    if (errno != ENOENT && errno != ENOTDIR) throw path_error(errno, "open " + shown(path));
    os::Descriptor folder(open(folder_of(path), open_folder));
    if (!folder && errno == ENOENT && rules.create_parents) {
      folder = make_directories(open, folder_of(path), 0755);
    }
    if (!folder) {
      throw path_error(errno, "copy to " + shown(path) + ": its folder");
    }
    const std::string name(name_of(path));
    if (!is_name(name)) {
      throw Error(Errc::invalid_argument, "copy to " + shown(destination) + ": no name for a file");
    }
    struct stat status;
    if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) throw path_error(errno, "look at " + shown(path));
      if (!folder_expected || root == FileKind::directory) return {{}, std::move(folder), name};
      if (!rules.create_parents) {
        throw path_error(ENOENT, "copy to " + shown(destination) + ": the folder");
      }
      return inside(make_directories(open, path, 0755), path, root, rules);
    }
    if (!S_ISLNK(status.st_mode)) {
      if (root == FileKind::directory || folder_expected) {
        throw_kind_conflict(path, FileKind::directory);
      }
      return {{}, std::move(folder), name};
    }
    path = link_target(folder.get(), name, path);
    folder_expected = strip_end(path) || folder_expected;
  }
  throw path_error(ELOOP, "copy to " + shown(destination));
}

Place place_of(const OpenPath& open, const std::string& given) {
  std::string path = given;
  strip_end(path);
  Place place;
  place.name = name_of(path);
  if (!is_name(place.name)) {
    throw Error(Errc::invalid_argument, shown(given) + ": expected the name of a file at its end");
  }
  place.folder.reset(open(folder_of(path), open_folder));
  if (!place.folder) throw path_error(errno, "open " + shown(folder_of(path)));
  return place;
}

os::Descriptor make_directories(const OpenPath& open, const std::string& given,
                                unsigned permissions) {
  std::string path = given;
  strip_end(path);
  if (os::Descriptor there{open(path, open_folder)}) return there;
  if (errno != ENOENT || folder_of(path) == path) {
    throw path_error(errno, "open the folder " + shown(path));
  }
  // As many levels as the path has parts.
  const os::Descriptor folder = make_directories(open, folder_of(path), 0755);
  const std::string name(name_of(path));
  if (name != ".." && ::mkdirat(folder.get(), name.c_str(), permissions) != 0 && errno != EEXIST) {
    throw path_error(errno, "make the folder " + shown(path));
  }
  os::Descriptor made(open(path, open_folder));
  if (!made) throw path_error(errno, "open the folder " + shown(path));
  return made;
}

void remove_all(int folder, const std::string& name) {
  // What somebody else makes meanwhile is removed too, but not for ever.
  constexpr int tries = 8;
  for (int i = 0; i < tries; ++i) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return;
    struct stat status;
    const int failure = errno;
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return;
      throw path_error(errno, "remove " + shown(name));
    }
    if (!S_ISDIR(status.st_mode)) throw path_error(failure, "remove " + shown(name));
    if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST) {
      throw path_error(errno, "remove " + shown(name));
    }
    remove_children(folder, name);
  }
  if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw path_error(errno, "remove " + shown(name));
  }
}

}  // namespace vmkit::agent::tree
