// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "images/pulling.hpp"
#include "output/json.hpp"
#include "program.hpp"
#include "terminal/progress_display.hpp"

#include <vmkit/container/image_layers.hpp>
#include <vmkit/rootfs/unpack.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct UnpackOptions {
  StoreOption store;
  RegistryOptions registry;
  std::string reference;
  std::filesystem::path target;
  std::string size = "16G";
  bool json = false;
};

int unpack(const UnpackOptions& options, const Interrupt& interrupt) {
  const auto size = ByteSize::parse(options.size);
  ProgressDisplay display(options.registry.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  auto store = oci::ImageStore::open(options.store.folder());
  const auto image =
      pull_image(options.registry, oci::Reference::parse(options.reference), store, call);
  const auto result =
      rootfs::unpack(container::image_layers(image, store), options.target, {.size = size}, call);
  display.say(std::to_string(result.entries) + " entries, " + to_string(result.content) +
              " of files");
  if (options.json) {
    print({{"file", options.target.string()},
           {"entries", result.entries},
           {"bytes", result.content.bytes()}});
  } else {
    std::printf("%s\n", options.target.c_str());
  }
  return 0;
}

}  // namespace

void add_unpack(Program& program) {
  const auto options = std::make_shared<UnpackOptions>();
  CLI::App* command = program.add(
      "unpack", "Turn an image's layers into an ext4 disk image",
      "Without root and without a mount; the same layers give the same bytes. The file takes only "
      "what is used.",
      {"vmkit unpack --size 8G debian:12 debian.ext4"});
  add_store(command, options->store);
  add_registry(command, options->registry);
  add_json(command, options->json);
  command->add_option("--size", options->size, "Size of the disk")
      ->type_name("SIZE")
      ->capture_default_str();
  add_reference(command, options->reference);
  command->add_option("OUT", options->target, "The new file; it must not exist")->required();
  program.on(command, [&program, options] { return unpack(*options, program.interrupt()); });
}

}  // namespace cli
