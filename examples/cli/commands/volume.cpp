// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <set>

#include "commands/commands.hpp"
#include "containers/search.hpp"
#include "launch/run_options.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/volumes.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct VolumeOptions {
  StoreOption store;
  std::vector<std::string> names;
  std::string size = "16G";
  bool json = false;

  container::Volumes volumes() const { return container::Volumes(volumes_folder(store.folder())); }
};

nlohmann::json volume_json(const container::VolumeInfo& volume, const container::Volumes& volumes) {
  return {{"name", volume.name},
          {"size", volume.size.bytes()},
          {"onDisk", volume.disk_used.bytes()},
          {"inUse", volume.in_use},
          {"file", volumes.image(volume.name).string()}};
}

int create_volumes(const VolumeOptions& options, const Interrupt& interrupt) {
  auto volumes = options.volumes();
  for (const std::string& name : options.names) {
    volumes.create(name, ByteSize::parse(options.size), {.stop = interrupt.token()});
  }
  print_names(options.names, options.json);
  return 0;
}

int list_volumes(const VolumeOptions& options) {
  const auto volumes = options.volumes();
  Table table({"NAME", "SIZE", "ON DISK", "IN USE"});
  nlohmann::json list = nlohmann::json::array();
  for (const auto& volume : volumes.list()) {
    list.push_back(volume_json(volume, volumes));
    table.add({volume.name, to_string(volume.size), to_string(volume.disk_used),
               volume.in_use ? "yes" : "no"});
  }
  if (options.json) {
    print(list);
  } else {
    table.print();
  }
  return 0;
}

int remove_volumes(const VolumeOptions& options) {
  auto volumes = options.volumes();
  for (const std::string& name : options.names) volumes.remove(name);
  print_names(options.names, options.json);
  return 0;
}

int inspect_volumes(const VolumeOptions& options) {
  const auto volumes = options.volumes();
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& name : options.names) {
    const auto volume = volumes.find(name);
    if (!volume) {
      throw Error(Errc::not_found, "there is no volume " + name + "; `vmkit volume ls` lists them");
    }
    list.push_back(volume_json(*volume, volumes));
  }
  print(list);
  return 0;
}

/// Those of all containers, stopped ones too. One whose options are not understood any more keeps
/// everything.
std::set<std::string> mounted_volumes(const std::filesystem::path& store) {
  std::set<std::string> names;
  for (const Found& found : all_containers(store)) {
    if (found.unfinished) continue;
    const RunOptions options = parse_run_options(found.entry.arguments);
    for (std::string& name : volume_names(options.attachments)) names.insert(std::move(name));
  }
  return names;
}

int prune_volumes(const VolumeOptions& options) {
  auto volumes = options.volumes();
  const auto wanted = mounted_volumes(options.store.folder());
  std::vector<std::string> removed;
  for (const auto& volume : volumes.list()) {
    if (volume.in_use || wanted.count(volume.name) != 0) continue;
    volumes.remove(volume.name);
    removed.push_back(volume.name);
  }
  print_names(removed, options.json);
  return 0;
}

}  // namespace

void add_volume(Program& program) {
  CLI::App* family = program.add(
      "volume", "Folders that outlive containers",
      "`vmkit run -v NAME:/PATH` mounts one, and makes it if it is missing.",
      {"vmkit volume create --size 4G data", "vmkit run --rm -v data:/data alpine ls /data"});
  family->require_subcommand(1);
  const auto options = std::make_shared<VolumeOptions>();
  add_store(family, options->store);
  const auto add = [&](const char* name, const char* summary, const char* help, const char* example,
                       std::function<int()> action) {
    CLI::App* command = program.add(name, summary, help, {example}, family);
    add_json(command, options->json);
    command->fallthrough();
    program.on(command, std::move(action));
    return command;
  };
  const auto take_names = [&](CLI::App* command) {
    command->add_option("NAME", options->names, "Names of volumes")->required();
  };
  CLI::App* create = add("create", "Make volumes", "Empty ones; they take only what is used.",
                         "vmkit volume create --size 4G data", [&program, options] {
                           return create_volumes(*options, program.interrupt());
                         });
  create->add_option("--size", options->size, "What a container sees")
      ->type_name("SIZE")
      ->capture_default_str();
  take_names(create);
  add("ls", "List volumes", "ON DISK is what each takes of the host.", "vmkit volume ls --json",
      [options] { return list_volumes(*options); });
  take_names(add("rm", "Remove volumes with all that is in them",
                 "One that a running container has is an error.", "vmkit volume rm data",
                 [options] { return remove_volumes(*options); }));
  take_names(add("inspect", "Tell all about volumes, as JSON", "With the file that each is.",
                 "vmkit volume inspect data", [options] { return inspect_volumes(*options); }));
  add("prune", "Remove volumes that no container mounts",
      "Stopped containers count: what they mount stays.", "vmkit volume prune",
      [options] { return prune_volumes(*options); });
}

}  // namespace cli
