// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "images/description.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "program.hpp"

namespace cli {

using namespace vmkit;

void add_tag(Program& program) {
  struct Options {
    StoreOption store;
    std::string image;
    std::string name;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add("tag", "Give an image one more name",
                  "The name may be another image's until then. No bytes are copied.",
                  {"vmkit tag app:1 registry.example.org/team/app:1"});
  add_store(command, options->store);
  add_json(command, options->json);
  command->add_option("IMAGE", options->image, "Name, digest, or its first digits")->required();
  command->add_option("REF", options->name, "The new name")->required();
  program.on(command, [&program, options] {
    auto store = oci::ImageStore::open(options->store.folder());
    const auto record = find_record(store, options->image);
    const auto image = store.tag(oci::Reference::parse(options->name), record.manifest,
                                 record.source, {.stop = program.interrupt().token()});
    if (options->json) print(to_json(image));
    return 0;
  });
}

}  // namespace cli
