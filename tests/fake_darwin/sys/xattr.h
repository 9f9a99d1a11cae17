// SPDX-License-Identifier: Apache-2.0
// What the library uses of Darwin's <sys/xattr.h>, which the compiler of scripts/check-macos lacks.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define XATTR_NOFOLLOW 0x0001

#ifdef __cplusplus
extern "C" {
#endif

int setxattr(const char* path, const char* name, const void* value, size_t size, uint32_t position,
             int options);
int fsetxattr(int fd, const char* name, const void* value, size_t size, uint32_t position,
              int options);
ssize_t fgetxattr(int fd, const char* name, void* value, size_t size, uint32_t position,
                  int options);
ssize_t flistxattr(int fd, char* names, size_t size, int options);

#ifdef __cplusplus
}
#endif
