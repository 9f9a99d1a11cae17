// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <sys/utsname.h>

#include "oci/document/ascii.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/platform.hpp>

namespace vmkit::oci {
namespace {

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

/// A variant as a number that grows with what the processor can do: v7 is 700, v8.2 is 802.
std::optional<int> rank(std::string_view variant) {
  if (variant.size() < 2 || variant.front() != 'v') return std::nullopt;
  const char* const end = variant.data() + variant.size();
  unsigned major = 0;
  unsigned minor = 0;
  auto [at, error] = std::from_chars(variant.data() + 1, end, major);
  if (error == std::errc() && at != end && *at == '.') {
    const auto second = std::from_chars(at + 1, end, minor);
    at = second.ptr;
    error = second.ec;
  }
  if (error != std::errc() || at != end || major > 99 || minor > 99) return std::nullopt;
  return static_cast<int>(100 * major + minor);
}

/// The variant that a name without one stands for.
std::string_view implied_variant(std::string_view architecture) {
  if (architecture == "amd64") return "v1";
  if (architecture == "arm64") return "v8";
  if (architecture == "arm") return "v7";
  return {};
}

}  // namespace

Platform Platform::parse(std::string_view text) {
  const std::size_t first = text.find('/');
  const std::size_t second = first == text.npos ? text.npos : text.find('/', first + 1);
  const std::string_view os = text.substr(0, first);
  const std::string_view architecture =
      first == text.npos ? std::string_view() : text.substr(first + 1, second - first - 1);
  const std::string_view variant =
      second == text.npos ? std::string_view() : text.substr(second + 1);
  if (!is_word(os) || !is_word(architecture) || (second != text.npos && !is_word(variant))) {
    std::string shown(text.substr(0, 100));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    throw Error(Errc::invalid_argument, "platform \"" + shown +
                                            "\": expected OS/ARCHITECTURE or "
                                            "OS/ARCHITECTURE/VARIANT, for example linux/arm64");
  }
  return Platform{std::string(os), std::string(architecture), std::string(variant)}.normalized();
}

Platform Platform::host() {
  utsname name;
  if (::uname(&name) != 0) throw Error::from_errno(errno, "ask the system for its machine type");
  return Platform{"linux", name.machine}.normalized();
}

Platform Platform::normalized() const {
  Platform result{ascii_lower(os), ascii_lower(architecture), ascii_lower(variant), os_version};
  std::string& machine = result.architecture;
  std::string& version = result.variant;
  if (machine == "x86_64" || machine == "x86-64") machine = "amd64";
  if (machine == "aarch64") machine = "arm64";
  if (machine == "i386" || machine == "i486" || machine == "i586" || machine == "i686") {
    machine = "386";
  }
  if (machine == "armhf" || machine == "armv7l" || machine == "armel" || machine == "armv6l") {
    if (version.empty()) version = machine == "armhf" || machine == "armv7l" ? "v7" : "v6";
    machine = "arm";
  }
  if (!version.empty() && version.front() >= '0' && version.front() <= '9') version.insert(0, "v");
  const std::string_view implied = implied_variant(machine);
  if (machine == "arm") {
    if (version.empty()) version = implied;
  } else if (version == implied) {
    version.clear();
  }
  return result;
}

std::string Platform::to_string() const {
  std::string text = os + '/' + architecture;
  if (!variant.empty()) text += '/' + variant;
  return text;
}

std::optional<int> match_distance(const Platform& wanted, const Platform& offered) {
  const Platform want = wanted.normalized();
  const Platform have = offered.normalized();
  if (want.os != have.os || want.architecture != have.architecture) return std::nullopt;
  if (want.variant == have.variant) return 0;
  const std::string_view implied = implied_variant(want.architecture);
  const auto can = rank(want.variant.empty() ? implied : want.variant);
  const auto needs = rank(have.variant.empty() ? implied : have.variant);
  if (implied.empty() || !can || !needs || *needs > *can) return std::nullopt;
  return *can - *needs;
}

std::optional<std::size_t> best_match(const Platform& wanted,
                                      std::span<const std::optional<Platform>> offered) {
  std::optional<std::size_t> best;
  int best_distance = 0;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    if (!offered[i]) continue;
    const auto distance = match_distance(wanted, *offered[i]);
    if (distance && (!best || *distance < best_distance)) {
      best = i;
      best_distance = *distance;
    }
  }
  return best;
}

}  // namespace vmkit::oci
