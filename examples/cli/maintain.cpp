// SPDX-License-Identifier: Apache-2.0
// The commands that keep a store small and sound.
#include <cstdio>

#include "commands.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/disk_cache.hpp>
#include <vmkit/oci/maintenance.hpp>

namespace cli {

using namespace vmkit;

namespace {

const char* to_text(oci::BadBlob::Problem problem) {
  switch (problem) {
    case oci::BadBlob::Problem::missing:
      return "missing";
    case oci::BadBlob::Problem::damaged:
      return "damaged";
    case oci::BadBlob::Problem::contested:
      return "of another size than a document says";
  }
  return "bad";
}

}  // namespace

int remove(const RemoveOptions& options, const Interrupt& interrupt) {
  auto store = oci::ImageStore::open(options.store);
  const CallOptions call{.stop = interrupt.token()};
  for (const std::string& name : options.names) {
    const auto record = store.find(name);
    if (!record || !store.remove(*record, call)) {
      throw Error(Errc::not_found, "there is no image " + name);
    }
    std::printf("%s\n", record->name.empty() ? name.c_str() : record->name.c_str());
  }
  return 0;
}

int prune(const PruneOptions& options, const Interrupt& interrupt) {
  auto store = oci::ImageStore::open(options.store);
  const auto report =
      oci::collect_garbage(store, {.dry_run = options.dry_run}, {.stop = interrupt.token()});
  std::printf("%s %zu blobs and %zu partial downloads, %s\n",
              options.dry_run ? "would remove" : "removed", report.blobs.size(),
              report.partials.size(), to_string(report.freed).c_str());
  rootfs::PruneOptions disks{.unwanted = container::of_no_image(store), .dry_run = options.dry_run};
  if (!options.disks.empty()) disks.limit = ByteSize::parse(options.disks);
  const auto pruned =
      container::disk_cache(store).prune(disks, CallOptions{.stop = interrupt.token()});
  std::printf("%s %zu unpacked disks, %s\n", options.dry_run ? "would remove" : "removed",
              pruned.removed.size(), to_string(pruned.freed).c_str());
  return 0;
}

int check(const CheckOptions& options, const Interrupt& interrupt) {
  auto store = oci::ImageStore::open(options.store);
  const CallOptions call{.stop = interrupt.token()};
  const auto report =
      options.repair ? oci::repair(store, {}, call).found : oci::verify(store, call);
  for (const auto& bad : report.bad) {
    std::printf("%s  %s\n", bad.digest.to_string().c_str(), to_text(bad.problem));
    for (const auto& image : bad.images) {
      std::printf("  needed by %s\n", image.name.empty() ? "(no name)" : image.name.c_str());
    }
  }
  for (const auto& odd : report.odd_entries) std::printf("%s\n", odd.problem.c_str());
  std::printf("%zu blobs, %s: %s\n", report.blobs, to_string(report.bytes).c_str(),
              report.clean()   ? "all as they should be"
              : options.repair ? "damaged ones are removed; pull the images again"
                               : "see above; --repair removes damaged ones");
  return report.clean() || options.repair ? 0 : 1;
}

}  // namespace cli
