// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Foundation/Foundation.h>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "os/descriptor.hpp"
#include "vm/vz/retained.hpp"

#include <vmkit/base/error.hpp>

// Between C++ and Foundation. No C++ exception may be caught in Objective-C++ sources: GNU's
// runtime cannot do that. They hand errors on as values.
namespace vmkit::vm::vz {

/// Autoreleased; nil if `text` is not UTF-8.
NSString* to_ns(const std::string& text);

/// Likewise, of a file.
NSURL* to_url(const std::filesystem::path& path, bool folder = false);

/// The handle closes the descriptor with its last owner.
Retained<NSFileHandle> to_handle(os::Descriptor fd);

/// "" for nil.
std::string to_string(NSString* text);

/// `what` names what was tried.
Error to_error(NSError* error, std::string_view what);

/// For a path that is none here: it must be UTF-8.
Error not_utf8(std::string_view what);

/// A mistake in how the framework is used is an exception there: internal.
Error to_error(NSException* exception, std::string_view what);

/// Calls `function`; what it throws in Objective-C is returned.
template <class Function>
std::optional<Error> guarded(std::string_view what, Function function) {
  std::optional<Error> failure;
  @try {
    function();
  } @catch (NSException* exception) {
    failure = to_error(exception, what);
  }
  return failure;
}

}  // namespace vmkit::vm::vz
