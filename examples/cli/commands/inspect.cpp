// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include "commands/commands.hpp"
#include "containers/description.hpp"
#include "images/description.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Json = nlohmann::json;

struct InspectOptions {
  StoreOption store;
  std::vector<std::string> names;
  std::string type;  // empty: a container, else an image
};

Json container_json(const Found& found) {
  Json json = to_json(found, describe(found));
  json["arguments"] = found.entry.arguments;
  json["workingDirectory"] = found.entry.working_directory.string();
  return json;
}

Json image_json(const oci::Image& image) {
  Json json = to_json(image);
  json["mediaType"] = image.descriptor.media_type;
  json["created"] = image.config.created;
  json["author"] = image.config.author;
  json["config"] = {{"user", image.config.user},
                    {"env", image.config.env},
                    {"entrypoint", image.config.entrypoint},
                    {"cmd", image.config.cmd},
                    {"workingDir", image.config.working_dir},
                    {"stopSignal", image.config.stop_signal},
                    {"exposedPorts", image.config.exposed_ports},
                    {"volumes", image.config.volumes},
                    {"labels", image.config.labels}};
  Json layers = Json::array();
  for (const auto& layer : image.manifest.layers) {
    layers.push_back({{"digest", layer.digest.to_string()},
                      {"mediaType", layer.media_type},
                      {"size", layer.size.bytes()}});
  }
  json["layers"] = std::move(layers);
  return json;
}

std::optional<Json> inspect_container(const InspectOptions& options, const std::string& name) {
  try {
    return container_json(find_container(options.store.folder(), name));
  } catch (const Error& error) {
    if (error.code() != Errc::not_found || options.type == "container") throw;
    return std::nullopt;
  }
}

int inspect(const InspectOptions& options) {
  const auto store = oci::ImageStore::open(options.store.folder());
  Json list = Json::array();
  for (const std::string& name : options.names) {
    if (options.type != "image") {
      if (auto json = inspect_container(options, name)) {
        list.push_back(std::move(*json));
        continue;
      }
    }
    const auto image = store.resolve(name);
    if (!image) {
      throw Error(Errc::not_found, "there is no container and no image " + name +
                                       "; `vmkit ps -a` and `vmkit images` list them");
    }
    list.push_back(image_json(*image));
  }
  print(list);
  return 0;
}

}  // namespace

void add_inspect(Program& program) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* command = program.add(
      "inspect", "Tell all about containers and images, as JSON",
      "A list with an object for each. A name that both have is the container's, unless --type "
      "says otherwise.",
      {"vmkit inspect web | jq '.[0].ports'", "vmkit inspect --type image alpine:3.22"});
  add_store(command, options->store);
  command->add_option("--type", options->type, "container or image")
      ->check(CLI::IsMember({"container", "image"}));
  command->add_option("OBJECT", options->names, "Containers or images")->required();
  program.on(command, [options] { return inspect(*options); });
}

}  // namespace cli
