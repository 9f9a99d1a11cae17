// SPDX-License-Identifier: Apache-2.0
#include <CoreFoundation/CoreFoundation.h>
#include <Security/Security.h>
#include <array>
#include <cstdlib>
#include <cstring>
#include <sys/sysctl.h>

#include "vm/vz/apple_framework.hpp"
#include "vm/vz/backend.hpp"

namespace vmkit::vm {
namespace vz {

MacVersion macos_version() {
  std::array<char, 32> text{};
  std::size_t size = text.size() - 1;
  if (::sysctlbyname("kern.osproductversion", text.data(), &size, nullptr, 0) != 0) return {};
  MacVersion version;
  char* end = text.data();
  version.major = static_cast<unsigned>(std::strtoul(end, &end, 10));
  if (*end == '.') version.minor = static_cast<unsigned>(std::strtoul(end + 1, nullptr, 10));
  return version;
}

bool has_entitlement(const char* name) {
  const SecTaskRef task = SecTaskCreateFromSelf(nullptr);
  if (task == nullptr) return false;
  const CFStringRef key =
      CFStringCreateWithBytes(nullptr, reinterpret_cast<const UInt8*>(name),
                              static_cast<CFIndex>(std::strlen(name)), kCFStringEncodingUTF8, 0);
  const CFTypeRef value = SecTaskCopyValueForEntitlement(task, key, nullptr);
  const bool entitled = value == kCFBooleanTrue;
  if (value != nullptr) CFRelease(value);
  CFRelease(key);
  CFRelease(task);
  return entitled;
}

}  // namespace vz

std::shared_ptr<Backend> make_vz_backend(VzOptions options) {
  return vz::make_backend(std::move(options), vz::make_apple_framework());
}

}  // namespace vmkit::vm
