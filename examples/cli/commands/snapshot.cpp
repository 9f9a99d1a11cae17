// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "output/time.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/record.hpp>
#include <vmkit/disk/snapshots.hpp>
#include <vmkit/disk/usage.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct SnapshotOptions {
  StoreOption store;
  std::string container;
  std::string name;
  bool json = false;

  Found found() const { return find_container(store.folder(), container); }
};

disk::Snapshots snapshots_of(const Found& found) {
  return disk::Snapshots(container::container_disk(found.entry.folder));
}

int create_snapshot(const SnapshotOptions& options, const CallOptions& call) {
  const Found found = options.found();
  if (found.in_use) {
    ask(found, {{"do", "snapshot"}, {"name", options.name}});
  } else {
    snapshots_of(found).create(options.name, {}, call);
  }
  print_names({options.name}, options.json);
  return 0;
}

int restore_snapshot(const SnapshotOptions& options, const CallOptions& call) {
  const Found found = options.found();
  if (found.in_use) {
    throw Error(Errc::failed_precondition, "container " + found.entry.name +
                                               " is running: `vmkit stop` it before it is given "
                                               "another disk");
  }
  snapshots_of(found).restore(options.name, {}, call);
  print_names({options.name}, options.json);
  return 0;
}

int list_snapshots(const SnapshotOptions& options, const CallOptions& call) {
  const auto snapshots = snapshots_of(options.found());
  const std::string current = snapshots.current(call);
  const auto list = snapshots.list(call);
  std::vector<std::filesystem::path> paths;
  for (const auto& snapshot : list) paths.push_back(snapshot.path);
  const auto usage = disk::usage(paths, call);
  nlohmann::json json = nlohmann::json::array();
  Table table({"NAME", "PARENT", "CREATED", "ON DISK", "CURRENT"});
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& disk = usage.disks[i];
    json.push_back({{"name", list[i].name},
                    {"parent", list[i].parent},
                    {"created", to_text(list[i].created)},
                    {"exclusiveBytes", disk.exclusive.bytes()},
                    {"sharedBytes", disk.shared.bytes()},
                    {"current", list[i].name == current}});
    table.add({list[i].name, list[i].parent, age(list[i].created),
               to_string(ByteSize(disk.exclusive.bytes() + disk.shared.bytes())),
               list[i].name == current ? "yes" : ""});
  }
  if (options.json) {
    print(json);
  } else {
    table.print();
  }
  return 0;
}

int remove_snapshot(const SnapshotOptions& options, const CallOptions& call) {
  snapshots_of(options.found()).remove(options.name, call);
  print_names({options.name}, options.json);
  return 0;
}

}  // namespace

void add_snapshot(Program& program) {
  CLI::App* family = program.add(
      "snapshot", "Save a container's disk by name, and go back to that",
      "A snapshot shares its blocks with the disk where the file system can (btrfs, XFS, APFS). It "
      "goes with its container.",
      {"vmkit snapshot create box before-upgrade", "vmkit snapshot restore box before-upgrade"});
  family->require_subcommand(1);
  const auto options = std::make_shared<SnapshotOptions>();
  add_store(family, options->store);
  const auto add = [&](const char* name, const char* summary, const char* help, const char* example,
                       bool named, int (*action)(const SnapshotOptions&, const CallOptions&)) {
    CLI::App* command = program.add(name, summary, help, {example}, family);
    add_json(command, options->json);
    add_container_name(command, options->container);
    if (named) command->add_option("NAME", options->name, "Of the snapshot")->required();
    command->fallthrough();
    program.on(command, [&program, options, action] {
      return action(*options, {.stop = program.interrupt().token()});
    });
  };
  add("create", "Save what the disk has now",
      "Of a running container too: its file systems rest for that moment.",
      "vmkit snapshot create box before-upgrade", true, create_snapshot);
  add("ls", "List a container's snapshots",
      "The oldest first. CURRENT is the one that the disk stems from.", "vmkit snapshot ls box",
      false, list_snapshots);
  add("restore", "Give the disk the content that it had",
      "Of a stopped container. What the disk has now is lost, unless there is a snapshot of it.",
      "vmkit snapshot restore box before-upgrade", true, restore_snapshot);
  add("rm", "Remove a snapshot", "The disk and other snapshots stay as they are.",
      "vmkit snapshot rm box before-upgrade", true, remove_snapshot);
}

}  // namespace cli
