// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

// Options that several commands have.
namespace cli {

/// Where images, containers and volumes are.
struct StoreOption {
  std::filesystem::path given;

  /// What was given, else the user's data folder.
  std::filesystem::path folder() const;
};

struct RegistryOptions {
  std::string platform;  // empty: this host's
  bool plain_http = false;
  std::filesystem::path credentials_file;  // empty: the user's Docker config.json
  bool quiet = false;
};

void add_store(CLI::App* command, StoreOption& store);
void add_platform(CLI::App* command, std::string& platform);
void add_quiet(CLI::App* command, bool& quiet);
void add_json(CLI::App* command, bool& json);
void add_registry(CLI::App* command, RegistryOptions& options);
void add_reference(CLI::App* command, std::string& reference);

}  // namespace cli
