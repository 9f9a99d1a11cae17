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

#ifdef __cplusplus
}
#endif
