// SPDX-License-Identifier: Apache-2.0
#include "fake_security/fake_keychain.hpp"

#include <Security/Security.h>
#include <cstdlib>
#include <cstring>
#include <doctest/doctest.h>
#include <map>
#include <utility>

namespace {

enum Type : CFTypeID {
  string_type = 1,
  number_type,
  boolean_type,
  data_type,
  array_type,
  map_type
};

int live_objects = 0;
vmkit::test::FakeKeychain* keychain = nullptr;

/// Every object begins with this; retained by collections, as the real ones are.
struct Object {
  explicit Object(Type kind, bool is_constant = false) : type(kind), constant(is_constant) {
    if (!constant) ++live_objects;
  }
  virtual ~Object() {
    if (!constant) --live_objects;
  }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  Type type;
  bool constant;
  int references = 1;
};

Object* object_of(const void* ref) {
  return static_cast<Object*>(const_cast<void*>(ref));
}

void release(Object* object) {
  if (object->constant) return;
  REQUIRE(object->references > 0);
  if (--object->references == 0) delete object;
}

void retain(Object* object) {
  if (!object->constant) ++object->references;
}

}  // namespace

struct FakeString : Object {
  explicit FakeString(std::string value, bool is_constant = false)
      : Object(string_type, is_constant), text(std::move(value)) {}
  std::string text;
};
struct FakeNumber : Object {
  explicit FakeNumber(std::int32_t number) : Object(number_type), value(number) {}
  std::int32_t value;
};
struct FakeBoolean : Object {
  FakeBoolean() : Object(boolean_type, true) {}
};
struct FakeData : Object {
  explicit FakeData(std::string content) : Object(data_type), bytes(std::move(content)) {}
  std::string bytes;
};
struct FakeArray : Object {
  FakeArray() : Object(array_type) {}
  ~FakeArray() override {
    for (Object* one : items) release(one);
  }
  std::vector<Object*> items;
};
struct FakeDictionary : Object {
  FakeDictionary() : Object(map_type) {}
  ~FakeDictionary() override {
    for (const auto& [key, value] : values) release(value);
  }
  void set(const std::string& key, Object* value) {
    retain(value);
    const auto [at, added] = values.emplace(key, value);
    if (!added) release(std::exchange(at->second, value));
  }
  const Object* get(const std::string& key) const {
    const auto found = values.find(key);
    return found == values.end() ? nullptr : found->second;
  }
  std::map<std::string, Object*> values;
};

namespace {

// Objects are handed out as pointers to Object, the base at offset 0 of each.
template <class T>
const T* as(const void* ref) {
  return static_cast<const T*>(object_of(ref));
}

FakeBoolean true_object;

#define FAKE_CONSTANT(name)                \
  FakeString name##_object(#name, true);   \
  }                                        \
  const CFStringRef name = &name##_object; \
  namespace {

FAKE_CONSTANT(kSecClass)
FAKE_CONSTANT(kSecClassInternetPassword)
FAKE_CONSTANT(kSecAttrServer)
FAKE_CONSTANT(kSecAttrPort)
FAKE_CONSTANT(kSecAttrProtocol)
FAKE_CONSTANT(kSecAttrProtocolHTTPS)
FAKE_CONSTANT(kSecAttrPath)
FAKE_CONSTANT(kSecAttrAccount)
FAKE_CONSTANT(kSecMatchLimit)
FAKE_CONSTANT(kSecMatchLimitOne)
FAKE_CONSTANT(kSecMatchLimitAll)
FAKE_CONSTANT(kSecReturnAttributes)
FAKE_CONSTANT(kSecReturnData)
#undef FAKE_CONSTANT

/// The attributes of an item, as a search returns them.
FakeDictionary* attributes_of(const vmkit::test::FakeItem& item) {
  auto* result = new FakeDictionary;
  const auto add = [&](CFStringRef key, Object* value) {
    result->set(key->text, value);
    release(value);
  };
  add(kSecAttrServer, new FakeString(item.server));
  add(kSecAttrAccount, new FakeString(item.account));
  add(kSecAttrPath, new FakeString(item.path));
  if (item.port != 0) add(kSecAttrPort, new FakeNumber(item.port));
  if (!item.protocol.empty()) {
    add(kSecAttrProtocol,
        new FakeString(item.protocol == "https" ? kSecAttrProtocolHTTPS->text : item.protocol));
  }
  return result;
}

bool equal(const Object* left, const Object* right) {
  if (left->type != right->type) return false;
  if (left->type == number_type) {
    return as<FakeNumber>(left)->value == as<FakeNumber>(right)->value;
  }
  return left->type == string_type && as<FakeString>(left)->text == as<FakeString>(right)->text;
}

/// Whether all attributes that the query names are the item's.
bool matches(const FakeDictionary& query, const FakeDictionary& item) {
  for (const CFStringRef key :
       {kSecAttrServer, kSecAttrPort, kSecAttrProtocol, kSecAttrPath, kSecAttrAccount}) {
    const Object* wanted = query.get(key->text);
    const Object* found = item.get(key->text);
    if (wanted != nullptr && (found == nullptr || !equal(wanted, found))) return false;
  }
  return true;
}

}  // namespace

namespace vmkit::test {

FakeKeychain::FakeKeychain() {
  keychain = this;
}
FakeKeychain::~FakeKeychain() {
  keychain = nullptr;
  CHECK(live_objects == 0);
}

}  // namespace vmkit::test

extern "C" {

const CFDictionaryKeyCallBacks kCFTypeDictionaryKeyCallBacks{};
const CFDictionaryValueCallBacks kCFTypeDictionaryValueCallBacks{};
const CFBooleanRef kCFBooleanTrue = &true_object;

void CFRelease(CFTypeRef object) {
  release(object_of(object));
}
Boolean CFEqual(CFTypeRef left, CFTypeRef right) {
  return equal(object_of(left), object_of(right));
}
CFTypeID CFGetTypeID(CFTypeRef object) {
  return object_of(object)->type;
}
CFTypeID CFStringGetTypeID() {
  return string_type;
}
CFTypeID CFNumberGetTypeID() {
  return number_type;
}
CFTypeID CFDataGetTypeID() {
  return data_type;
}
CFTypeID CFArrayGetTypeID() {
  return array_type;
}

CFStringRef CFStringCreateWithBytes(CFAllocatorRef, const UInt8* bytes, CFIndex length,
                                    CFStringEncoding, Boolean) {
  return new FakeString(
      std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)));
}
CFIndex CFStringGetLength(CFStringRef text) {
  return static_cast<CFIndex>(text->text.size());
}
CFIndex CFStringGetMaximumSizeForEncoding(CFIndex length, CFStringEncoding) {
  return length * 3;
}
Boolean CFStringGetCString(CFStringRef text, char* buffer, CFIndex size, CFStringEncoding) {
  if (static_cast<CFIndex>(text->text.size()) >= size) return 0;
  std::memcpy(buffer, text->text.c_str(), text->text.size() + 1);
  return 1;
}
Boolean CFNumberGetValue(CFNumberRef number, CFNumberType, void* value) {
  std::memcpy(value, &number->value, sizeof number->value);
  return 1;
}
const UInt8* CFDataGetBytePtr(CFDataRef data) {
  return reinterpret_cast<const UInt8*>(data->bytes.data());
}
CFIndex CFDataGetLength(CFDataRef data) {
  return static_cast<CFIndex>(data->bytes.size());
}
CFIndex CFArrayGetCount(CFArrayRef array) {
  return static_cast<CFIndex>(array->items.size());
}
const void* CFArrayGetValueAtIndex(CFArrayRef array, CFIndex index) {
  return array->items.at(static_cast<std::size_t>(index));
}
CFMutableDictionaryRef CFDictionaryCreateMutable(CFAllocatorRef, CFIndex,
                                                 const CFDictionaryKeyCallBacks*,
                                                 const CFDictionaryValueCallBacks*) {
  return new FakeDictionary;
}
void CFDictionarySetValue(CFMutableDictionaryRef dictionary, const void* key, const void* value) {
  dictionary->set(as<FakeString>(key)->text, object_of(value));
}
const void* CFDictionaryGetValue(CFDictionaryRef dictionary, const void* key) {
  return dictionary->get(as<FakeString>(key)->text);
}

OSStatus SecItemCopyMatching(CFDictionaryRef query, CFTypeRef* result) {
  REQUIRE(keychain != nullptr);
  REQUIRE(query->get(kSecClass->text) == &kSecClassInternetPassword_object);
  const bool all = query->get(kSecMatchLimit->text) == &kSecMatchLimitAll_object;
  const bool data = query->get(kSecReturnData->text) == &true_object;
  REQUIRE(all != data);  // the real one refuses to return the passwords of many items
  const int status = data ? keychain->data_status : keychain->attributes_status;
  if (status != errSecSuccess) return status;
  auto* found = new FakeArray;
  const vmkit::test::FakeItem* first = nullptr;
  for (const auto& item : keychain->items) {
    FakeDictionary* attributes = attributes_of(item);
    if (!matches(*query, *attributes)) {
      release(attributes);
      continue;
    }
    found->items.push_back(attributes);
    if (first == nullptr) first = &item;
  }
  if (first == nullptr || data) release(found);
  if (first == nullptr) return errSecItemNotFound;
  if (data) {
    ++keychain->password_reads;
    *result = static_cast<Object*>(new FakeData(first->password));
  } else {
    *result = static_cast<Object*>(found);
  }
  return errSecSuccess;
}

CFStringRef SecCopyErrorMessageString(OSStatus, void*) {
  return new FakeString("fake error");
}

}  // extern "C"
