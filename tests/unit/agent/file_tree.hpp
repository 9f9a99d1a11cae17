// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unit/agent/agent_program.hpp"
#include "unit/agent/temp_dir.hpp"

#include <vmkit/agent/files.hpp>

namespace vmkit::agent::test {

/// A folder for the guest's files and one for the host's.
struct FileSession {
  TempDir guest;
  TempDir host;
  Session session{guest.path().string()};
  Files files = session.client.files();

  std::filesystem::path in_guest(const std::string& path) const { return guest.path() / path; }
  std::filesystem::path on_host(const std::string& path) const { return host.path() / path; }
};

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return file ? text.str() : "(cannot be read)";
}

inline std::size_t count_entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

inline void set_times(const std::filesystem::path& path, std::int64_t seconds, long nanoseconds) {
  const timespec times[] = {{static_cast<time_t>(seconds) + 1, nanoseconds},
                            {static_cast<time_t>(seconds), nanoseconds}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

/// Everything that a copy must keep of a tree, as text: one line for each file.
inline std::map<std::string, std::string> describe_tree(const std::filesystem::path& root) {
  std::map<std::string, std::string> result;
  std::map<ino_t, std::string> first_names;
  const auto describe = [&](const std::filesystem::path& path) {
    struct stat status;
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    std::ostringstream line;
    line << std::oct << status.st_mode << std::dec << " " << status.st_uid << ":" << status.st_gid
         << " " << status.st_mtim.tv_sec << "." << status.st_mtim.tv_nsec;
    if (S_ISREG(status.st_mode)) line << " " << status.st_size;
    if (S_ISLNK(status.st_mode)) line << " -> " << std::filesystem::read_symlink(path).native();
    char value[256];
    const ssize_t size = ::lgetxattr(path.c_str(), "user.test", value, sizeof value);
    if (size >= 0) line << " xattr=" << std::string(value, static_cast<std::size_t>(size));
    const std::string name = path.lexically_relative(root).native();
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) line << " links=" << status.st_nlink;
    result[name] = line.str();
    if (S_ISREG(status.st_mode) && status.st_size < 1'000'000) {
      result[name] += " " + content_of(path);
    }
  };
  describe(root);
  if (!std::filesystem::is_directory(root)) return result;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    describe(entry.path());
  }
  return result;
}

}  // namespace vmkit::agent::test
