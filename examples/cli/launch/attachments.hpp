// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace CLI {
class App;
}
namespace vmkit::container {
struct ContainerOptions;
}

namespace cli {

/// Options of `vmkit run` for what a container has besides its image: folders, volumes, names,
/// a network. As docker run spells them.
struct RunAttachments {
  std::vector<std::string> volumes;  // SRC:DST[:ro]
  std::vector<std::string> mounts;   // type=bind,source=…,target=…[,readonly]
  std::string network = "none";      // or nat
  std::vector<std::string> extra_hosts;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::string domain;
  std::string timezone;
  std::string machine_id;  // empty: the container's own, random
};

void add_options(CLI::App* command, RunAttachments& attachments);

/// Puts them into the options of a container; volumes are those of the store. Throws
/// invalid_argument, naming the option.
void apply(const RunAttachments& attachments, const std::filesystem::path& store,
           vmkit::container::ContainerOptions& options);

/// Those that -v and --mount name.
std::vector<std::string> volume_names(const RunAttachments& attachments);

/// Where a store has its volumes.
std::filesystem::path volumes_folder(const std::filesystem::path& store);

}  // namespace cli
