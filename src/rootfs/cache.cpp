// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "rootfs/cache_name.hpp"
#include "rootfs/unpack_upon.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/rootfs/cache.hpp>

namespace vmkit::rootfs {
namespace {

using Access = disk::ImageFile::Access;

/// Disks are never written once they have their name: the time of the last change is free to tell
/// when they were last used.
void mark_used(const std::filesystem::path& path) {
  std::error_code ignored;  // not ours to mark: then it ages
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), ignored);
}

/// The chain IDs of the lowest layer, of the lowest two, and so on.
std::vector<Digest> all_chain_ids(std::span<const Layer> layers) {
  std::vector<Digest> diff_ids;
  std::vector<Digest> chains;
  for (const Layer& layer : layers) {
    diff_ids.push_back(layer.diff_id);
    chains.push_back(chains.empty() ? chain_id(diff_ids)
                                    : chain_id(std::array{chains.back(), layer.diff_id}));
  }
  return chains;
}

}  // namespace

/// What a disk is made from.
struct Cache::Start {
  std::unique_ptr<disk::ImageFile> image;
  ext4::Filesystem tree;
};

Cache::Cache(std::filesystem::path folder, const CacheOptions& options)
    : folder_(std::move(folder)), options_(options) {}

/// Null if there is none, or if somebody is about to publish or to remove it.
std::shared_ptr<const disk::ImageFile> Cache::lease(const std::filesystem::path& path) const {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return nullptr;
  try {
    auto image =
        std::make_shared<const disk::ImageFile>(disk::ImageFile::open(path, Access::read_only));
    mark_used(path);
    return image;
  } catch (const Error& error) {
    if (error.code() != Errc::not_found && error.code() != Errc::failed_precondition) throw;
    return nullptr;
  }
}

/// With the disk's lock held, so that whoever else has the disk is done in a moment.
std::shared_ptr<const disk::ImageFile> Cache::lease_patiently(const std::filesystem::path& path,
                                                              const CallOptions& options) const {
  using namespace std::chrono_literals;
  constexpr auto patience = 2s;
  const auto start = std::chrono::steady_clock::now();
  while (std::filesystem::exists(path)) {
    if (auto leased = lease(path)) return leased;
    options.check("wait for " + path.string());
    if (std::chrono::steady_clock::now() - start > patience) {
      disk::ImageFile::open(path, Access::read_only);  // says who has it
    }
    options.stop.wait_for(options.remaining(2ms));
  }
  return nullptr;
}

std::optional<CachedDisk> Cache::find(const Digest& chain, const UnpackOptions& options) const {
  auto path = folder_.path() / cache_name(chain, options);
  // Disks get their name when they are complete and synced: what has the name is good.
  auto leased = lease(path);
  if (!leased) return std::nullopt;
  return CachedDisk{std::move(path), std::nullopt, std::move(leased)};
}

CachedDisk Cache::get_or_unpack(std::span<const Layer> layers, const UnpackOptions& options,
                                const CallOptions& call_options) const {
  const Digest chain = chain_id(layers);
  if (auto found = find(chain, options)) return *std::move(found);
  CachedDisk disk{folder_.path() / cache_name(chain, options), std::nullopt, nullptr};
  {
    const auto lock = folder_.lock(disk.path.filename().string(), call_options);
    disk.lease = lease_patiently(disk.path, call_options);
    if (disk.lease) return disk;
    disk.unpacked = make(layers, options, call_options);
    disk.lease = lease_patiently(disk.path, call_options);
  }
  if (!disk.lease) {
    throw Error(Errc::unavailable, disk.path.string() +
                                       ": removed by another program as soon as "
                                       "it was made");
  }
  if (options_.limit) prune({.limit = options_.limit}, call_options);
  return disk;
}

UnpackResult Cache::make(std::span<const Layer> layers, const UnpackOptions& options,
                         const CallOptions& call_options) const {
  call_options.check("unpack");
  const std::vector<Digest> chains = all_chain_ids(layers);
  const auto path_of = [&](std::size_t applied) {
    return folder_.path() / cache_name(chains[applied - 1], options);
  };
  const std::filesystem::path target = path_of(layers.size());
  std::size_t applied = layers.size() - 1;
  std::optional<Start> start;
  while (applied > 0 && !(start = start_upon(path_of(applied), target, call_options))) --applied;
  require_room(layers.subspan(applied), target);
  if (!start) {
    auto image = std::make_unique<disk::ImageFile>(disk::ImageFile::create(target, options.size));
    auto tree = format_for(layers, *image, options);
    start = Start{std::move(image), std::move(tree)};
  }
  disk::ImageFile& image = *start->image;
  UnpackResult result = unpack_upon(layers, applied, std::move(start->tree), image, options,
                                    call_options, [&](std::size_t on_disk) {
                                      if (on_disk < layers.size()) {
                                        image.publish_clone(path_of(on_disk));
                                      }
                                    });
  const auto begin = std::chrono::steady_clock::now();
  image.publish();
  result.publish_time = std::chrono::steady_clock::now() - begin;
  return result;
}

std::optional<Cache::Start> Cache::start_upon(const std::filesystem::path& lower,
                                              const std::filesystem::path& target,
                                              const CallOptions& options) const {
  {
    const auto leased = lease(lower);
    if (!leased) return std::nullopt;
    auto clone = disk::ImageFile::create_clone(target, lower);
    if (!clone) return std::nullopt;
    auto image = std::make_unique<disk::ImageFile>(*std::move(clone));
    try {
      auto tree = ext4::Filesystem::open(*image);
      return Start{std::move(image), std::move(tree)};
    } catch (const Error& error) {
      if (error.code() != Errc::data_corruption) throw;
    }
  }
  // Damaged since it was made: to be made anew, like this one.
  remove(lower, false, options);
  return std::nullopt;
}

std::vector<CacheEntry> Cache::list() const {
  std::vector<CacheEntry> entries;
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
    const auto name = parse_cache_name(file.path().filename().string());
    std::error_code gone;
    const auto time = std::filesystem::last_write_time(file.path(), gone);
    if (name && !gone) {
      entries.push_back({file.path(), name->chain, time});
    }
  }
  std::sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
    return a.last_used != b.last_used ? a.last_used > b.last_used : a.path < b.path;
  });
  return entries;
}

disk::UsageReport Cache::usage(const CallOptions& options) const {
  std::vector<std::filesystem::path> paths;
  for (CacheEntry& entry : list()) paths.push_back(std::move(entry.path));
  return disk::usage(paths, options);
}

PruneReport Cache::prune(const PruneOptions& prune_options, const CallOptions& options) const {
  std::vector<CacheEntry> entries = list();
  const auto wanted_end =
      std::stable_partition(entries.begin(), entries.end(), [&](const CacheEntry& entry) {
        return parse_cache_name(entry.path.filename().string())->current &&
               !(prune_options.unwanted && prune_options.unwanted(entry));
      });
  std::vector<std::filesystem::path> paths;
  for (const CacheEntry& entry : entries) paths.push_back(entry.path);
  // Each disk with what it takes beyond those that are to stay rather than it.
  const disk::UsageReport usage = disk::usage(paths, options);
  const auto wanted = static_cast<std::size_t>(wanted_end - entries.begin());
  PruneReport report;
  ByteSize kept;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    kept = kept + usage.disks[i].added;
    const bool fits = !prune_options.limit || kept <= *prune_options.limit;
    if (i < wanted && fits) continue;
    if (!remove(entries[i].path, prune_options.dry_run, options)) continue;
    report.freed = report.freed + usage.disks[i].added;
    report.removed.push_back(std::move(entries[i]));
  }
  return report;
}

bool Cache::remove(const std::filesystem::path& path, bool dry_run,
                   const CallOptions& options) const {
  const auto lock = folder_.lock(path.filename().string(), options);
  try {
    const auto image = disk::ImageFile::open(path, Access::read_write);
    return dry_run || std::filesystem::remove(path);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found && error.code() != Errc::failed_precondition) throw;
    return false;
  }
}

}  // namespace vmkit::rootfs
