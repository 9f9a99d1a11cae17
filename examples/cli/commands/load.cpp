// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "images/description.hpp"
#include "images/pulling.hpp"
#include "options/list_option.hpp"
#include "output/json.hpp"
#include "program.hpp"
#include "terminal/progress_display.hpp"
#include "terminal/standard_streams.hpp"

#include <vmkit/oci/image_archive.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct LoadOptions {
  StoreOption store;
  std::filesystem::path input;      // empty: standard input
  std::string platform;             // empty: this host's
  std::vector<std::string> images;  // empty: all
  std::string name;                 // empty: as in the archive
  bool quiet = false;
  bool json = false;
};

int load_images(const LoadOptions& options, const Interrupt& interrupt) {
  oci::ImportOptions import_options;
  import_options.platform = platform_of(options.platform);
  import_options.images = options.images;
  if (!options.name.empty()) import_options.reference = oci::Reference::parse(options.name);
  auto store = oci::ImageStore::open(options.store.folder());
  ProgressDisplay display(options.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  std::vector<oci::Image> loaded;
  if (options.input.empty()) {
    StandardInput input(interrupt.token());
    loaded = oci::import_images(store, input, import_options, call);
  } else {
    loaded = oci::import_images(store, options.input, import_options, call);
  }
  display.finish();
  nlohmann::json list = nlohmann::json::array();
  for (const oci::Image& image : loaded) {
    list.push_back(to_json(image));
    if (options.json) continue;
    std::printf("%s  %s\n", image.descriptor.digest.to_string().c_str(),
                image.reference.to_string().c_str());
  }
  if (options.json) print(list);
  return 0;
}

}  // namespace

void add_load(Program& program) {
  const auto options = std::make_shared<LoadOptions>();
  CLI::App* command = program.add(
      "load", "Take images into the store from an image layout or a docker-archive",
      "What it is shows in its content; gzip and zstd are recognised. Prints digest "
      "and name of each image.",
      {"vmkit load -i app.tar", "docker save app:1 | vmkit load --name example.org/app:1"});
  add_store(command, options->store);
  add_platform(command, options->platform);
  add_quiet(command, options->quiet);
  add_json(command, options->json);
  command->add_option("-i,--input", options->input, "Folder or tar (default: standard input)")
      ->type_name("FILE");
  add_list(command, "--image", options->images, "Only this one (may be given more than once)",
           "NAME|DIGEST");
  command->add_option("--name", options->name, "What it is to be called; for one image")
      ->type_name("REF");
  program.on(command, [&program, options] { return load_images(*options, program.interrupt()); });
}

}  // namespace cli
