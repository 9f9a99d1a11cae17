// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Foundation/Foundation.h>
#include <utility>

namespace vmkit::vm::vz {

/// Owns one reference to an Objective-C object, or nothing. The sources are compiled without
/// automatic reference counting, which GNU's runtime does not have. As thread-safe as the object.
template <class T>
class Retained {
 public:
  Retained() = default;
  /// Shares the object: what methods return that are not named alloc, init, new or copy.
  explicit Retained(T* object) : object_([object retain]) {}
  Retained(const Retained& other) : object_([other.object_ retain]) {}
  Retained(Retained&& other) noexcept : object_(std::exchange(other.object_, nil)) {}
  Retained& operator=(Retained other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Retained() { [object_ release]; }

  T* get() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nil; }

 private:
  template <class U>
  friend Retained<U> adopt(U* object);

  T* object_ = nil;
};

/// Takes the reference that alloc and init, new or copy give.
template <class T>
Retained<T> adopt(T* object) {
  Retained<T> owner;
  owner.object_ = object;
  return owner;
}

}  // namespace vmkit::vm::vz
