// SPDX-License-Identifier: Apache-2.0
#include "options/common_options.hpp"

#include "paths.hpp"

namespace cli {

std::filesystem::path StoreOption::folder() const {
  return given.empty() ? default_store() : std::filesystem::absolute(given);
}

void add_store(CLI::App* command, StoreOption& store) {
  command
      ->add_option("--store", store.given,
                   "Folder of images, containers and volumes (default: the user's data folder)")
      ->type_name("DIR");
}

void add_platform(CLI::App* command, std::string& platform) {
  command->add_option("--platform", platform, "Platform of the image (default: this host's)")
      ->type_name("OS/ARCH[/VARIANT]");
}

void add_quiet(CLI::App* command, bool& quiet) {
  command->add_flag("--quiet,-q", quiet, "Show no progress");
}

void add_json(CLI::App* command, bool& json) {
  command->add_flag("--json", json, "Print JSON");
}

void add_registry(CLI::App* command, RegistryOptions& options) {
  add_platform(command, options.platform);
  command->add_flag("--plain-http", options.plain_http, "Speak HTTP without TLS to the registry");
  command
      ->add_option("--creds-file", options.credentials_file,
                   "Docker config.json or auth.json with credentials (default: the user's)")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  add_quiet(command, options.quiet);
}

void add_reference(CLI::App* command, std::string& reference) {
  command->add_option("REF", reference, "Image, for example docker.io/library/alpine:3.22")
      ->required();
}

}  // namespace cli
