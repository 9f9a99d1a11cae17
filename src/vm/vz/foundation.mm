// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/foundation.hpp"

#include "vm/vz/error_code.hpp"

namespace vmkit::vm::vz {
namespace {

void add(std::string& text, NSString* more) {
  const std::string words = to_string(more);
  if (words.empty() || text.find(words) != std::string::npos) return;
  if (!text.empty()) text += " ";
  text += words;
}

}  // namespace

NSString* to_ns(const std::string& text) {
  return [NSString stringWithUTF8String:text.c_str()];
}

NSURL* to_url(const std::filesystem::path& path, bool folder) {
  NSString* const text = to_ns(path.native());
  return text == nil ? nil : [NSURL fileURLWithPath:text isDirectory:folder];
}

Retained<NSFileHandle> to_handle(os::Descriptor fd) {
  return adopt([[NSFileHandle alloc] initWithFileDescriptor:fd.release() closeOnDealloc:YES]);
}

std::string to_string(NSString* text) {
  const char* const bytes = [text UTF8String];
  return bytes == nullptr ? "" : bytes;
}

Error to_error(NSError* error, std::string_view what) {
  std::string text;
  add(text, [error localizedDescription]);
  add(text, [error localizedFailureReason]);
  id const underlying = [[error userInfo] objectForKey:NSUnderlyingErrorKey];
  if ([underlying isKindOfClass:[NSError class]]) add(text, [underlying localizedDescription]);
  return make_error(to_string([error domain]), [error code], text).with_context(what);
}

Error not_utf8(std::string_view what) {
  return Error(Errc::invalid_argument, std::string(what) + ": expected UTF-8, found other bytes");
}

Error to_error(NSException* exception, std::string_view what) {
  return Error(Errc::internal, std::string(what) + ": " + to_string([exception name]) + ": " +
                                   to_string([exception reason]));
}

}  // namespace vmkit::vm::vz
