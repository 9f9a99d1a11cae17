// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "images/description.hpp"
#include "images/pulling.hpp"
#include "output/json.hpp"
#include "program.hpp"
#include "terminal/progress_display.hpp"

namespace cli {
namespace {

using namespace vmkit;

struct PullOptions {
  StoreOption store;
  RegistryOptions registry;
  std::string reference;
  bool json = false;
};

int pull(const PullOptions& options, const Interrupt& interrupt) {
  ProgressDisplay display(options.registry.quiet);
  auto store = oci::ImageStore::open(options.store.folder());
  const auto image = pull_image(options.registry, oci::Reference::parse(options.reference), store,
                                {.stop = interrupt.token(), .progress = display.callback()});
  display.say(image.reference.to_string() + " (" + image.platform.to_string() + ")");
  if (options.json) {
    print(to_json(image));
  } else {
    std::printf("%s\n", image.descriptor.digest.to_string().c_str());
  }
  return 0;
}

}  // namespace

void add_pull(Program& program) {
  const auto options = std::make_shared<PullOptions>();
  CLI::App* command = program.add(
      "pull", "Pull an image into the store",
      "Only what the store does not have is fetched, and every byte is verified. Prints the "
      "digest. A password for the registry comes from Docker's config.json (--creds-file names "
      "another one), or from VMKIT_USERNAME and VMKIT_PASSWORD.",
      {"vmkit pull alpine:3.22", "vmkit pull --platform linux/arm64 ghcr.io/owner/app:1.0"});
  add_store(command, options->store);
  add_registry(command, options->registry);
  add_json(command, options->json);
  add_reference(command, options->reference);
  program.on(command, [&program, options] { return pull(*options, program.interrupt()); });
}

}  // namespace cli
