// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "containers/search.hpp"
#include "images/description.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct RmiOptions {
  StoreOption store;
  std::vector<std::string> names;
  bool force = false;
  bool json = false;
};

int remove_images(const RmiOptions& options, const Interrupt& interrupt) {
  const auto folder = options.store.folder();
  auto store = oci::ImageStore::open(folder);
  const CallOptions call{.stop = interrupt.token()};
  std::vector<std::string> removed;
  for (const std::string& name : options.names) {
    const auto record = find_record(store, name);
    for (const Found& found : all_containers(folder)) {
      if (options.force || found.entry.image != record.name) continue;
      throw Error(Errc::failed_precondition, "container " + found.entry.name + " is of image " +
                                                 name + ": `vmkit rm` it first, or add --force");
    }
    if (!store.remove(record, call)) {
      throw Error(Errc::not_found, "image " + name + " is not there any more");
    }
    removed.push_back(record.name.empty() ? name : record.name);
    if (!options.json) print_names({removed.back()}, false);
  }
  if (options.json) print_names(removed, true);
  return 0;
}

}  // namespace

void add_rmi(Program& program) {
  const auto options = std::make_shared<RmiOptions>();
  CLI::App* command =
      program.add("rmi", "Remove images' names from the store",
                  "Their layers stay until `vmkit prune`, since other images may share them.",
                  {"vmkit rmi alpine:3.22", "vmkit rmi 4f6a && vmkit prune"});
  add_store(command, options->store);
  add_json(command, options->json);
  command->add_flag("-f,--force", options->force, "Also if containers were made of it");
  command->add_option("IMAGE", options->names, "Name, digest, or its first digits")->required();
  program.on(command, [&program, options] { return remove_images(*options, program.interrupt()); });
}

}  // namespace cli
