// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace vmkit::os {

/// Owns one file descriptor and closes it. Confined; move-only.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

struct DescriptorPair {
  Descriptor first;
  Descriptor second;
};

/// A pipe, close-on-exec: `first` reads what is written to `second`.
DescriptorPair make_pipe();

/// A connected pair of unix stream sockets, close-on-exec.
DescriptorPair make_socket_pair();

/// Another descriptor, close-on-exec, of what `fd` is one of.
Descriptor duplicate(int fd);

/// Makes reads and writes of `fd` return EAGAIN instead of blocking.
void set_nonblocking(int fd);

}  // namespace vmkit::os
