// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "os/extents.hpp"

#include <vmkit/disk/usage.hpp>

namespace vmkit::disk {
namespace {

/// Where a run of one disk's bytes starts or ends on the file system.
struct Edge {
  std::uint64_t at;
  std::uint32_t disk;
  bool start;
  bool shared;
};

struct Bytes {
  std::uint64_t exclusive = 0;
  std::uint64_t added = 0;
  std::uint64_t all = 0;
};

/// Goes over the edges of one file system in order and accounts each run between two of them to
/// those who have it.
class Sweep {
 public:
  explicit Sweep(std::vector<Bytes>& disks) : disks_(disks), runs_(disks.size()) {}

  void run(std::vector<Edge>& edges) {
    std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.at < b.at; });
    for (const Edge& edge : edges) {
      account(edge.at - at_);
      at_ = edge.at;
      apply(edge);
    }
  }

 private:
  void account(std::uint64_t length) {
    if (owners_.empty()) return;
    Bytes& first = disks_[*owners_.begin()];
    first.added += length;
    if (owners_.size() == 1 && shared_ == 0) first.exclusive += length;
  }

  void apply(const Edge& edge) {
    const std::int64_t step = edge.start ? 1 : -1;
    if (edge.shared) shared_ += step;
    std::int64_t& runs = runs_[edge.disk];
    const bool had = runs > 0;
    runs += step;
    const bool has = runs > 0;
    if (had == has) return;
    if (has) {
      owners_.insert(edge.disk);
    } else {
      owners_.erase(edge.disk);
    }
    // What the disk has in all: the ends of its runs less their starts.
    disks_[edge.disk].all = has ? disks_[edge.disk].all - edge.at : disks_[edge.disk].all + edge.at;
  }

  std::vector<Bytes>& disks_;
  std::vector<std::int64_t> runs_;  // that each disk has at this place
  std::uint64_t at_ = 0;
  std::set<std::uint32_t> owners_;
  std::int64_t shared_ = 0;  // runs that the file system calls shared
};

}  // namespace

UsageReport usage(std::span<const std::filesystem::path> paths, const CallOptions& options) {
  UsageReport report;
  std::vector<Bytes> bytes(paths.size());
  std::map<std::uint64_t, std::vector<Edge>> file_systems;  // by device number
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const os::File file = os::File::open(paths[i], os::File::Mode::read);
    report.disks.push_back(
        {.path = paths[i], .size = file.size(), .exclusive = {}, .shared = {}, .added = {}});
    std::vector<Edge>& edges = file_systems[file.status().device];
    os::for_each_extent(
        file,
        [&](const os::FileExtent& extent) {
          if (!extent.physical) {
            bytes[i].exclusive += extent.length;
            bytes[i].all += extent.length;
            bytes[i].added += extent.length;
            return;
          }
          const auto disk = static_cast<std::uint32_t>(i);
          edges.push_back({*extent.physical, disk, true, extent.shared});
          edges.push_back({*extent.physical + extent.length, disk, false, extent.shared});
        },
        options);
  }
  for (auto& [device, edges] : file_systems) Sweep(bytes).run(edges);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    report.disks[i].exclusive = ByteSize(bytes[i].exclusive);
    report.disks[i].shared = ByteSize(bytes[i].all - bytes[i].exclusive);
    report.disks[i].added = ByteSize(bytes[i].added);
    report.total = report.total + report.disks[i].added;
  }
  return report;
}

}  // namespace vmkit::disk
