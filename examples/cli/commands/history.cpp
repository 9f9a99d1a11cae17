// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands/commands.hpp"
#include "images/description.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "output/time.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct HistoryOptions {
  StoreOption store;
  std::string image;
  bool json = false;
};

int history(const HistoryOptions& options) {
  const auto store = oci::ImageStore::open(options.store.folder());
  const auto record = find_record(store, options.image);
  const auto image = store.resolve(record.manifest.digest.to_string());
  if (!image) throw Error(Errc::not_found, options.image + " is not for this host's platform");
  nlohmann::json list = nlohmann::json::array();
  Table table({"CREATED", "CREATED BY", "SIZE", "COMMENT"});
  // Layers stand in the order of the steps that made one.
  auto layer = image->manifest.layers.begin();
  for (const auto& step : image->config.history) {
    ByteSize size(0);
    if (!step.empty_layer && layer != image->manifest.layers.end()) size = (layer++)->size;
    list.push_back({{"created", step.created},
                    {"createdBy", step.created_by},
                    {"comment", step.comment},
                    {"emptyLayer", step.empty_layer},
                    {"size", size.bytes()}});
    const auto time = parse_time(step.created);
    table.add({time ? age(*time) : step.created, step.created_by, to_string(size), step.comment});
  }
  if (options.json) {
    print(list);
  } else {
    table.print();
  }
  return 0;
}

}  // namespace

void add_history(Program& program) {
  const auto options = std::make_shared<HistoryOptions>();
  CLI::App* command = program.add(
      "history", "Show the steps by which an image was made",
      "The oldest first. SIZE is what a step's layer takes, compressed as it is in the store.",
      {"vmkit history debian:12"});
  add_store(command, options->store);
  add_json(command, options->json);
  command->add_option("IMAGE", options->image, "Name, digest, or its first digits")->required();
  program.on(command, [options] { return history(*options); });
}

}  // namespace cli
