// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include <vmkit/rootfs/cache.hpp>

namespace vmkit::rootfs {
namespace {

/// Goes up when the same layers would give another disk, so that old disks are not taken for it.
constexpr int disk_version = 1;

std::string disk_name(const Digest& chain, const UnpackOptions& options) {
  std::string name = chain.hex() + ".v" + std::to_string(disk_version) + "-" +
                     std::to_string(options.size.bytes());
  if (options.journal) name += "-j" + std::to_string(options.journal->bytes());
  return name + ".ext4";
}

}  // namespace

Cache::Cache(std::filesystem::path folder) : folder_(std::move(folder)) {}

std::optional<std::filesystem::path> Cache::find(const Digest& chain,
                                                 const UnpackOptions& options) const {
  auto path = folder_.path() / disk_name(chain, options);
  std::error_code ignored;
  // Disks get their name when they are complete and synced: what has the name is good.
  if (!std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  return path;
}

CachedDisk Cache::get_or_unpack(std::span<const Layer> layers, const UnpackOptions& options,
                                const CallOptions& call_options) const {
  const Digest chain = chain_id(layers);
  if (auto path = find(chain, options)) return {std::move(*path), std::nullopt};
  const std::string name = disk_name(chain, options);
  const auto lock = folder_.lock(name, call_options);
  if (auto path = find(chain, options)) return {std::move(*path), std::nullopt};
  auto path = folder_.path() / name;
  UnpackResult result = unpack(layers, path, options, call_options);
  return {std::move(path), std::move(result)};
}

}  // namespace vmkit::rootfs
