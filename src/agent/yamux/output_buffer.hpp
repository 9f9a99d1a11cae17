// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace vmkit::agent::yamux {

/// An allocator whose containers leave new elements as they are instead of zeroing them.
template <class T>
struct UninitialisedAllocator : std::allocator<T> {
  static_assert(std::is_trivial_v<T>);
  template <class U>
  struct rebind {
    using other = UninitialisedAllocator<U>;
  };
  template <class U>
  void construct(U*) noexcept {}
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
};

/// Bytes on their way out. Room in it is made before it is filled, tens of KiB at a time, so
/// zeroing it first would cost as much as the copy.
using OutputBuffer = std::vector<std::byte, UninitialisedAllocator<std::byte>>;

}  // namespace vmkit::agent::yamux
