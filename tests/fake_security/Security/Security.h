// SPDX-License-Identifier: Apache-2.0
// The same of the Security framework.
#pragma once

#include <CoreFoundation/CoreFoundation.h>

extern "C" {

using OSStatus = int;

constexpr OSStatus errSecSuccess = 0;
constexpr OSStatus errSecUserCanceled = -128;
constexpr OSStatus errSecAuthFailed = -25293;
constexpr OSStatus errSecItemNotFound = -25300;

extern const CFStringRef kSecClass;
extern const CFStringRef kSecClassInternetPassword;
extern const CFStringRef kSecAttrServer;
extern const CFStringRef kSecAttrPort;
extern const CFStringRef kSecAttrProtocol;
extern const CFStringRef kSecAttrProtocolHTTPS;
extern const CFStringRef kSecAttrPath;
extern const CFStringRef kSecAttrAccount;
extern const CFStringRef kSecMatchLimit;
extern const CFStringRef kSecMatchLimitOne;
extern const CFStringRef kSecMatchLimitAll;
extern const CFStringRef kSecReturnAttributes;
extern const CFStringRef kSecReturnData;

using SecTaskRef = struct FakeTask*;
SecTaskRef SecTaskCreateFromSelf(CFAllocatorRef allocator);
CFTypeRef SecTaskCopyValueForEntitlement(SecTaskRef task, CFStringRef entitlement,
                                         CFErrorRef* error);

OSStatus SecItemCopyMatching(CFDictionaryRef query, CFTypeRef* result);
CFStringRef SecCopyErrorMessageString(OSStatus status, void* reserved);

}  // extern "C"
