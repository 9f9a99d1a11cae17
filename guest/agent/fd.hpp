// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace vmkit::guest {

/// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

/// The contents of a regular file or a file of procfs or sysfs; nothing if it cannot be read, is
/// another kind of file, or is longer than `limit` bytes. errno tells.
std::optional<std::string> read_file(const char* path, std::size_t limit);

bool write_file(const char* path, std::string_view text);

/// Writes all, waiting where it must; false on failure.
bool write_all(int fd, std::string_view data);

/// Text up to its first line end.
std::string_view first_line(std::string_view text);

}  // namespace vmkit::guest
