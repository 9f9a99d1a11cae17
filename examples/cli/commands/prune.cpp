// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "containers/search.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/disk_cache.hpp>
#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/maintenance.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct PruneOptions {
  StoreOption store;
  bool dry_run = false;
  bool containers = false;
  std::string disks;
  bool json = false;
};

/// Stopped and dead ones; their names.
std::vector<std::string> prune_containers(const std::filesystem::path& store, bool dry_run) {
  std::vector<std::string> removed;
  for (const Found& found : all_containers(store)) {
    if (found.in_use) continue;
    try {
      if (!dry_run) discard(found.entry);
    } catch (const Error& error) {
      if (error.code() != Errc::unavailable) throw;
      continue;  // started in this moment
    }
    removed.push_back(found.unfinished ? found.entry.id : found.entry.name);
  }
  return removed;
}

/// What the containers that stay need to be started again, whether it has a name or not.
oci::Lease lease_of_containers(const oci::ImageStore& store, const CallOptions& call) {
  oci::Lease lease = oci::Lease::begin(store, call);
  for (const Found& found : all_containers(store.root())) {
    if (!found.entry.manifest) continue;
    try {
      lease.add(store.load(oci::Reference::parse(found.entry.image), *found.entry.manifest), call);
    } catch (const Error& error) {
      if (error.code() == Errc::cancelled) throw;
      // It is not whole: there is nothing to keep.
    }
  }
  return lease;
}

int prune(const PruneOptions& options, const Interrupt& interrupt) {
  const auto folder = options.store.folder();
  auto store = oci::ImageStore::open(folder);
  const CallOptions call{.stop = interrupt.token()};
  std::vector<std::string> removed;
  if (options.containers) removed = prune_containers(folder, options.dry_run);
  const auto lease = lease_of_containers(store, call);
  const auto report = oci::collect_garbage(store, {.dry_run = options.dry_run}, call);
  rootfs::PruneOptions disks{.unwanted = container::of_no_image(store), .dry_run = options.dry_run};
  if (!options.disks.empty()) disks.limit = ByteSize::parse(options.disks);
  const auto pruned = container::disk_cache(store).prune(disks, call);
  if (options.json) {
    print({{"dryRun", options.dry_run},
           {"containers", removed},
           {"blobs", report.blobs.size()},
           {"partialDownloads", report.partials.size()},
           {"blobBytes", report.freed.bytes()},
           {"disks", pruned.removed.size()},
           {"diskBytes", pruned.freed.bytes()}});
    return 0;
  }
  const char* const done = options.dry_run ? "would remove" : "removed";
  if (options.containers) std::printf("%s %zu containers\n", done, removed.size());
  std::printf("%s %zu blobs and %zu partial downloads, %s\n", done, report.blobs.size(),
              report.partials.size(), to_string(report.freed).c_str());
  std::printf("%s %zu unpacked disks, %s\n", done, pruned.removed.size(),
              to_string(pruned.freed).c_str());
  return 0;
}

}  // namespace

void add_prune(Program& program) {
  const auto options = std::make_shared<PruneOptions>();
  CLI::App* command = program.add(
      "prune", "Remove from the store what no image and no container needs any more",
      "Layers without an image, interrupted downloads, and unpacked disks, which are a cache. With "
      "--containers also the containers that do not run. Volumes stay: `vmkit volume prune`.",
      {"vmkit prune --dry-run", "vmkit prune --containers --disks 20GiB"});
  add_store(command, options->store);
  add_json(command, options->json);
  command->add_flag("--dry-run", options->dry_run, "Only tell");
  command->add_flag("--containers", options->containers, "Also containers that do not run");
  command
      ->add_option("--disks", options->disks,
                   "Keep so much of unpacked disks, the last used ones (as 20GiB)")
      ->type_name("SIZE");
  program.on(command, [&program, options] { return prune(*options, program.interrupt()); });
}

}  // namespace cli
