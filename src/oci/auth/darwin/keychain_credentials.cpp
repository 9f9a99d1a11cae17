// SPDX-License-Identifier: Apache-2.0
#include <CoreFoundation/CoreFoundation.h>
#include <Security/Security.h>
#include <charconv>
#include <cstdint>
#include <utility>

#include "oci/auth/registry_names.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/keychain_credentials.hpp>

namespace vmkit::oci {
namespace {

constexpr std::string_view token_username = "<token>";
constexpr std::int32_t https_port = 443;

/// Owns one reference to a Core Foundation object.
template <class Ref>
class CfPtr {
 public:
  explicit CfPtr(Ref object = nullptr) : object_(object) {}
  CfPtr(CfPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  CfPtr& operator=(CfPtr&& other) = delete;
  ~CfPtr() {
    if (object_ != nullptr) CFRelease(object_);
  }
  Ref get() const { return object_; }
  Ref release() { return std::exchange(object_, nullptr); }

 private:
  Ref object_;
};

template <class Ref>
CfPtr<Ref> made(Ref object) {
  if (object == nullptr) {
    throw Error(Errc::resource_exhausted, "the Keychain: no memory for a request");
  }
  return CfPtr<Ref>(object);
}

CfPtr<CFStringRef> to_cf(const std::string& text) {
  return made(CFStringCreateWithBytes(nullptr, reinterpret_cast<const UInt8*>(text.data()),
                                      static_cast<CFIndex>(text.size()), kCFStringEncodingUTF8,
                                      false));
}

/// The value of `key` if it is of this type; nullptr otherwise. Borrowed from the item.
template <class Ref>
Ref value_of(CFDictionaryRef item, CFStringRef key, CFTypeID type) {
  const CFTypeRef value = CFDictionaryGetValue(item, key);
  return value != nullptr && CFGetTypeID(value) == type ? static_cast<Ref>(value) : nullptr;
}

std::string text_of(CFStringRef text) {
  const CFIndex longest =
      CFStringGetMaximumSizeForEncoding(CFStringGetLength(text), kCFStringEncodingUTF8) + 1;
  std::string result(static_cast<std::size_t>(longest), '\0');
  if (!CFStringGetCString(text, result.data(), longest, kCFStringEncodingUTF8)) return {};
  result.resize(result.find('\0'));
  return result;
}

/// 0: the item is for any port.
std::int32_t port_of(CFDictionaryRef item) {
  std::int32_t port = 0;
  const auto number = value_of<CFNumberRef>(item, kSecAttrPort, CFNumberGetTypeID());
  if (number != nullptr) CFNumberGetValue(number, kCFNumberSInt32Type, &port);
  return port;
}

[[noreturn]] void fail(const std::string& server, OSStatus status) {
  const CfPtr<CFStringRef> said(SecCopyErrorMessageString(status, nullptr));
  const bool refused = status == errSecAuthFailed || status == errSecUserCanceled;
  throw Error(refused ? Errc::permission_denied : Errc::unavailable,
              "the Keychain gave no password for " + server + ": " +
                  (said.get() != nullptr ? text_of(said.get()) + ' ' : std::string()) +
                  "(OSStatus " + std::to_string(status) + ')');
}

CfPtr<CFMutableDictionaryRef> query_for(const std::string& server) {
  auto query = made(CFDictionaryCreateMutable(nullptr, 0, &kCFTypeDictionaryKeyCallBacks,
                                              &kCFTypeDictionaryValueCallBacks));
  CFDictionarySetValue(query.get(), kSecClass, kSecClassInternetPassword);
  CFDictionarySetValue(query.get(), kSecAttrServer, to_cf(server).get());
  return query;
}

/// The attributes of all items for `server`, without their passwords: for these the user may be
/// asked. Null if there are none.
CfPtr<CFArrayRef> items_for(const std::string& server) {
  const auto query = query_for(server);
  CFDictionarySetValue(query.get(), kSecMatchLimit, kSecMatchLimitAll);
  CFDictionarySetValue(query.get(), kSecReturnAttributes, kCFBooleanTrue);
  CFTypeRef found = nullptr;
  const OSStatus status = SecItemCopyMatching(query.get(), &found);
  if (status == errSecItemNotFound) return CfPtr<CFArrayRef>();
  if (status != errSecSuccess) fail(server, status);
  CfPtr<CFTypeRef> owner(found);
  if (found == nullptr || CFGetTypeID(found) != CFArrayGetTypeID()) return CfPtr<CFArrayRef>();
  return CfPtr<CFArrayRef>(static_cast<CFArrayRef>(owner.release()));
}

/// The password of one of the items; nullopt if it is gone meanwhile.
std::optional<std::string> password_of(const std::string& server, CFDictionaryRef item) {
  const auto query = query_for(server);
  for (const CFStringRef key : {kSecAttrAccount, kSecAttrPort, kSecAttrProtocol, kSecAttrPath}) {
    const CFTypeRef value = CFDictionaryGetValue(item, key);
    if (value != nullptr) CFDictionarySetValue(query.get(), key, value);
  }
  CFDictionarySetValue(query.get(), kSecMatchLimit, kSecMatchLimitOne);
  CFDictionarySetValue(query.get(), kSecReturnData, kCFBooleanTrue);
  CFTypeRef found = nullptr;
  const OSStatus status = SecItemCopyMatching(query.get(), &found);
  if (status == errSecItemNotFound) return std::nullopt;
  if (status != errSecSuccess) fail(server, status);
  const CfPtr<CFTypeRef> owner(found);
  if (found == nullptr || CFGetTypeID(found) != CFDataGetTypeID()) return std::nullopt;
  const auto data = static_cast<CFDataRef>(found);
  return std::string(reinterpret_cast<const char*>(CFDataGetBytePtr(data)),
                     static_cast<std::size_t>(CFDataGetLength(data)));
}

/// Whether an item may be for a registry at `port` (0: none was given). A password for another
/// protocol, mail perhaps, is not the registry's.
bool fits(CFDictionaryRef item, std::int32_t port) {
  const CFTypeRef protocol = CFDictionaryGetValue(item, kSecAttrProtocol);
  if (protocol != nullptr && !CFEqual(protocol, kSecAttrProtocolHTTPS)) return false;
  const std::int32_t items_port = port_of(item);
  return port == 0 ? items_port == 0 || items_port == https_port : items_port == port;
}

std::optional<Credential> find_item(const std::string& server, std::int32_t port) {
  const auto items = items_for(server);
  const CFIndex count = items.get() == nullptr ? 0 : CFArrayGetCount(items.get());
  for (CFIndex i = 0; i < count; ++i) {
    const auto item = static_cast<CFDictionaryRef>(CFArrayGetValueAtIndex(items.get(), i));
    const auto account = value_of<CFStringRef>(item, kSecAttrAccount, CFStringGetTypeID());
    if (account == nullptr || !fits(item, port)) continue;
    const auto password = password_of(server, item);
    if (!password || password->empty()) continue;
    const std::string username = text_of(account);
    if (username == token_username) return Credential{.identity_token = *password};
    return Credential{.username = username, .password = *password};
  }
  return std::nullopt;
}

/// The port in "HOST:PORT"; 0 if there is none.
std::int32_t port_in(const std::string& registry) {
  const std::size_t colon = registry.rfind(':');
  std::int32_t port = 0;
  if (colon != registry.npos && registry.back() != ']') {
    std::from_chars(registry.data() + colon + 1, registry.data() + registry.size(), port);
  }
  return port;
}

}  // namespace

bool KeychainCredentials::available() noexcept {
  return true;
}

std::optional<Credential> KeychainCredentials::find(const CredentialQuery& query,
                                                    const CallOptions& options) {
  for (const std::string& name : names_of_registry(query.registry)) {
    options.check("look into the Keychain for " + name);
    if (auto found = find_item(host_without_port(name), port_in(name))) return found;
  }
  return std::nullopt;
}

}  // namespace vmkit::oci
