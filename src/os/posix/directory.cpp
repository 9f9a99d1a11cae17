// SPDX-License-Identifier: Apache-2.0
#include "os/directory.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "os/descriptor.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {

void create_directories(const std::filesystem::path& path, unsigned permissions) {
  if (path.empty() || ::mkdir(path.c_str(), permissions) == 0) return;
  const int error = errno;
  std::error_code ignored;
  if (error == EEXIST && std::filesystem::is_directory(path, ignored)) return;
  if (error != ENOENT || !path.has_parent_path() || path.parent_path() == path) {
    throw Error::from_errno(error, "create folder " + path.string());
  }
  create_directories(path.parent_path(), permissions);
  if (::mkdir(path.c_str(), permissions) != 0 && errno != EEXIST) {
    throw Error::from_errno(errno, "create folder " + path.string());
  }
}

void sync_directory(const std::filesystem::path& path) {
  const auto& name = path.empty() ? std::filesystem::path(".") : path;
  const Descriptor fd(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw Error::from_errno(errno, "open folder " + name.string());
  // Some network file systems cannot sync a folder; their renames are durable without it.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) {
    throw Error::from_errno(errno, "sync folder " + name.string());
  }
}

void rename_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return;
  const int error = errno == ENOTEMPTY || errno == ENOTDIR ? EEXIST : errno;
  throw Error::from_errno(error, "rename to " + to.string());
}

std::string random_name() {
  static constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> pick(0, alphabet.size() - 1);
  std::string name;
  for (int i = 0; i < 12; ++i) name += alphabet[pick(random)];
  return name;
}

TemporaryDirectory::TemporaryDirectory(const std::filesystem::path& parent,
                                       const std::string& prefix) {
  do {
    path_ = parent / (prefix + "-" + random_name());
    if (::mkdir(path_.c_str(), 0700) == 0) return;
  } while (errno == EEXIST);
  const int error = errno;
  throw Error::from_errno(error, "create folder " + std::exchange(path_, {}).string());
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace vmkit::os
