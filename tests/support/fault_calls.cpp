// SPDX-License-Identifier: Apache-2.0
#include "support/fault_calls.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vmkit::test {
namespace {

std::atomic<CallFault> fault{CallFault::none};
std::atomic<unsigned> fault_at{0};
std::atomic<unsigned> calls{0};

enum class Needs { nothing, space };

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

/// Counts the call; true if it is to fail, with errno set. May not return.
bool fails(Needs needs, bool can_be_torn = false) {
  const unsigned number = ++calls;
  const unsigned at = fault_at;
  if (at == 0 || number < at) return false;
  switch (fault) {
    case CallFault::none:
      return false;
    case CallFault::kill:
      if (number == at) die();
      return false;
    case CallFault::torn:
      if (number == at && !can_be_torn) die();
      return number == at;
    case CallFault::full_disk:
      errno = ENOSPC;
      return needs == Needs::space;
    case CallFault::io_error:
      errno = EIO;
      return number == at;
  }
  return false;
}

/// The C library's function.
template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool is_regular(int fd) {
  struct stat status;
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

void arm_call_fault(CallFault kind, unsigned at) {
  calls = 0;
  fault = kind;
  fault_at = at;
}

unsigned counted_calls() {
  return calls;
}

}  // namespace vmkit::test

// Found before the C library's by the whole program, shared libraries included.
#define VMKIT_INTERPOSED extern "C" __attribute__((visibility("default")))

using namespace vmkit::test;

VMKIT_INTERPOSED int open(const char* path, int flags, ...) {
  static auto* const next = real<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  if ((flags & O_CREAT) != 0 && fails(Needs::space)) return -1;
  return next(path, flags, mode);
}

VMKIT_INTERPOSED ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  if (is_regular(fd) && fails(Needs::space, true)) {
    if (fault != CallFault::torn) return -1;
    next(fd, data, size / 2, offset);
    die();
  }
  return next(fd, data, size, offset);
}

VMKIT_INTERPOSED ssize_t write(int fd, const void* data, size_t size) {
  static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
  if (is_regular(fd) && fails(Needs::space, true)) {
    if (fault != CallFault::torn) return -1;
    next(fd, data, size / 2);
    die();
  }
  return next(fd, data, size);
}

VMKIT_INTERPOSED int ftruncate(int fd, off_t size) noexcept {
  static auto* const next = real<int(int, off_t)>("ftruncate");
  return fails(Needs::nothing) ? -1 : next(fd, size);
}

VMKIT_INTERPOSED int fsync(int fd) {
  static auto* const next = real<int(int)>("fsync");
  return fails(Needs::space) ? -1 : next(fd);
}

VMKIT_INTERPOSED int rename(const char* from, const char* to) noexcept {
  static auto* const next = real<int(const char*, const char*)>("rename");
  return fails(Needs::space) ? -1 : next(from, to);
}

VMKIT_INTERPOSED int link(const char* from, const char* to) noexcept {
  static auto* const next = real<int(const char*, const char*)>("link");
  return fails(Needs::space) ? -1 : next(from, to);
}

VMKIT_INTERPOSED int unlink(const char* path) noexcept {
  static auto* const next = real<int(const char*)>("unlink");
  return fails(Needs::nothing) ? -1 : next(path);
}

VMKIT_INTERPOSED int mkdir(const char* path, mode_t mode) noexcept {
  static auto* const next = real<int(const char*, mode_t)>("mkdir");
  return fails(Needs::space) ? -1 : next(path, mode);
}
