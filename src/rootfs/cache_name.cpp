// SPDX-License-Identifier: Apache-2.0
#include "rootfs/cache_name.hpp"

namespace vmkit::rootfs {
namespace {

/// With the version that goes up when the same layers would give another disk, so that old disks
/// are not taken for it.
constexpr std::string_view version_mark = ".v2-";
constexpr std::string_view any_version = ".v";
constexpr std::string_view suffix = ".ext4";
constexpr std::size_t sha512_hex_length = 128;

}  // namespace

std::string cache_name(const Digest& chain, const UnpackOptions& options) {
  std::string name = chain.hex();
  name += version_mark;
  name += std::to_string(options.size.bytes());
  if (options.journal) name += "-j" + std::to_string(options.journal->bytes());
  name += suffix;
  return name;
}

std::optional<ParsedCacheName> parse_cache_name(std::string_view name) {
  const std::size_t end = name.find('.');
  if (end == name.npos || !name.ends_with(suffix)) return std::nullopt;
  if (!name.substr(end).starts_with(any_version)) return std::nullopt;
  const std::string algorithm = end == sha512_hex_length ? "sha512:" : "sha256:";
  const auto chain = Digest::try_parse(algorithm + std::string(name.substr(0, end)));
  if (!chain) return std::nullopt;
  return ParsedCacheName{*chain, name.substr(end).starts_with(version_mark)};
}

}  // namespace vmkit::rootfs
