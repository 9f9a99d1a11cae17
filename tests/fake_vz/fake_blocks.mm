// SPDX-License-Identifier: Apache-2.0
// What clang's blocks need at run time (its "Block Implementation Specification"). GNUstep's own
// knows only an older kind of block, and Debian's library keeps no objects that a block captures.
#import <Foundation/Foundation.h>
#include <atomic>
#include <cstdlib>
#include <cstring>

namespace {

struct Descriptor {
  unsigned long reserved;
  unsigned long size;
  void (*copy)(void* to, const void* from);
  void (*dispose)(const void* block);
};

struct Block {
  void* isa;
  int flags;
  std::atomic<int> references;  // "reserved"; of a copy
  void (*invoke)(void*);
  Descriptor* descriptor;
};

constexpr int is_copy = 1 << 24;
constexpr int has_copy_dispose = 1 << 25;
constexpr int is_global = 1 << 28;

enum Field { object_field = 3, block_field = 7 };  // __block variables are not used

}  // namespace

extern "C" {

void* _NSConcreteStackBlock[32];
void* _NSConcreteGlobalBlock[32];

void* _Block_copy(const void* argument) {
  auto* const block = static_cast<Block*>(const_cast<void*>(argument));
  if (block == nullptr || (block->flags & is_global) != 0) return block;
  if ((block->flags & is_copy) != 0) {
    ++block->references;
    return block;
  }
  auto* const copy = static_cast<Block*>(std::malloc(block->descriptor->size));
  std::memcpy(static_cast<void*>(copy), block, block->descriptor->size);
  copy->flags |= is_copy;
  copy->references = 1;
  if ((copy->flags & has_copy_dispose) != 0) copy->descriptor->copy(copy, block);
  return copy;
}

void _Block_release(const void* argument) {
  auto* const block = static_cast<Block*>(const_cast<void*>(argument));
  if (block == nullptr || (block->flags & is_copy) == 0 || --block->references > 0) return;
  if ((block->flags & has_copy_dispose) != 0) block->descriptor->dispose(block);
  std::free(block);
}

void _Block_object_assign(void* to, const void* object, const int flags) {
  const void* kept = object;
  if (flags == object_field) {
    [static_cast<id>(const_cast<void*>(object)) retain];
  } else if (flags == block_field) {
    kept = _Block_copy(object);
  } else {
    std::abort();
  }
  *static_cast<const void**>(to) = kept;
}

void _Block_object_dispose(const void* object, const int flags) {
  if (flags == object_field) {
    [static_cast<id>(const_cast<void*>(object)) release];
  } else if (flags == block_field) {
    _Block_release(object);
  } else {
    std::abort();
  }
}

}  // extern "C"
