// SPDX-License-Identifier: Apache-2.0
// As much of Core Foundation's interface as the sources use, so that they compile, and run in
// tests, where Apple's frameworks are not.
#pragma once

extern "C" {

using CFTypeRef = const void*;
using CFAllocatorRef = const struct FakeAllocator*;
using CFStringRef = const struct FakeString*;
using CFNumberRef = const struct FakeNumber*;
using CFBooleanRef = const struct FakeBoolean*;
using CFErrorRef = struct FakeError*;
using CFDataRef = const struct FakeData*;
using CFArrayRef = const struct FakeArray*;
using CFDictionaryRef = const struct FakeDictionary*;
using CFMutableDictionaryRef = struct FakeDictionary*;
using CFIndex = long;
using CFTypeID = unsigned long;
using CFStringEncoding = unsigned int;
using CFNumberType = CFIndex;
using Boolean = unsigned char;
using UInt8 = unsigned char;

struct CFDictionaryKeyCallBacks {
  CFIndex version;
};
struct CFDictionaryValueCallBacks {
  CFIndex version;
};
extern const CFDictionaryKeyCallBacks kCFTypeDictionaryKeyCallBacks;
extern const CFDictionaryValueCallBacks kCFTypeDictionaryValueCallBacks;
extern const CFBooleanRef kCFBooleanTrue;
constexpr CFStringEncoding kCFStringEncodingUTF8 = 0x08000100;
constexpr CFNumberType kCFNumberSInt32Type = 3;

void CFRelease(CFTypeRef object);
Boolean CFEqual(CFTypeRef left, CFTypeRef right);
CFTypeID CFGetTypeID(CFTypeRef object);
CFTypeID CFStringGetTypeID();
CFTypeID CFNumberGetTypeID();
CFTypeID CFDataGetTypeID();
CFTypeID CFArrayGetTypeID();

CFStringRef CFStringCreateWithBytes(CFAllocatorRef allocator, const UInt8* bytes, CFIndex length,
                                    CFStringEncoding encoding, Boolean external);
CFIndex CFStringGetLength(CFStringRef text);
CFIndex CFStringGetMaximumSizeForEncoding(CFIndex length, CFStringEncoding encoding);
Boolean CFStringGetCString(CFStringRef text, char* buffer, CFIndex size, CFStringEncoding encoding);
Boolean CFNumberGetValue(CFNumberRef number, CFNumberType type, void* value);
const UInt8* CFDataGetBytePtr(CFDataRef data);
CFIndex CFDataGetLength(CFDataRef data);
CFIndex CFArrayGetCount(CFArrayRef array);
const void* CFArrayGetValueAtIndex(CFArrayRef array, CFIndex index);
CFMutableDictionaryRef CFDictionaryCreateMutable(CFAllocatorRef allocator, CFIndex capacity,
                                                 const CFDictionaryKeyCallBacks* keys,
                                                 const CFDictionaryValueCallBacks* values);
void CFDictionarySetValue(CFMutableDictionaryRef dictionary, const void* key, const void* value);
const void* CFDictionaryGetValue(CFDictionaryRef dictionary, const void* key);

}  // extern "C"
