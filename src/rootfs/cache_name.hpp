// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <vmkit/base/digest.hpp>
#include <vmkit/rootfs/unpack.hpp>

namespace vmkit::rootfs {

/// The file name of a disk in the cache.
std::string cache_name(const Digest& chain, const UnpackOptions& options);

struct ParsedCacheName {
  Digest chain;
  bool current;  ///< Of this version: such a disk may be found again.
};

/// What a file name says; nullopt if it is no disk's.
std::optional<ParsedCacheName> parse_cache_name(std::string_view name);

}  // namespace vmkit::rootfs
