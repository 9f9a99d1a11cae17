// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "images/pulling.hpp"
#include "output/json.hpp"
#include "program.hpp"
#include "terminal/progress_display.hpp"

#include <vmkit/oci/push.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct PushCommandOptions {
  StoreOption store;
  RegistryOptions registry;
  std::string reference;
  std::string target;  // empty: the same
  bool json = false;
};

int push_image(const PushCommandOptions& options, const Interrupt& interrupt) {
  auto store = oci::ImageStore::open(options.store.folder());
  const auto source = oci::Reference::parse(options.reference);
  const auto target = options.target.empty() ? source : oci::Reference::parse(options.target);
  auto client = client_for(options.registry, target);
  ProgressDisplay display(options.registry.quiet);
  const auto pushed = oci::push(client, store, source, target, {},
                                {.stop = interrupt.token(), .progress = display.callback()});
  display.say(target.to_string());
  if (options.json) {
    print({{"name", target.to_string()}, {"digest", pushed.digest.to_string()}});
  } else {
    std::printf("%s\n", pushed.digest.to_string().c_str());
  }
  return 0;
}

}  // namespace

void add_push(Program& program) {
  const auto options = std::make_shared<PushCommandOptions>();
  CLI::App* command = program.add(
      "push", "Send an image of the store to its registry",
      "Only what the registry does not have is sent. The name says which registry that is; with "
      "TARGET it goes there under that name. Credentials: as `vmkit pull`. Prints the digest.",
      {"vmkit push registry.example.org/team/app:1", "vmkit push app:1 ghcr.io/me/app:1"});
  add_store(command, options->store);
  add_registry(command, options->registry);
  add_json(command, options->json);
  add_reference(command, options->reference);
  command->add_option("TARGET", options->target, "Another name, perhaps in another registry");
  program.on(command, [&program, options] { return push_image(*options, program.interrupt()); });
}

}  // namespace cli
