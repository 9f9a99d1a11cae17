// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launch/attachments.hpp"
#include "launch/isolation.hpp"
#include "options/common_options.hpp"

namespace cli {

/// What `run` and `create` are told.
struct RunOptions {
  StoreOption store;
  RegistryOptions registry;
  std::string reference;
  std::string pull = "missing";  // always, never
  std::string name;              // empty: picked
  bool detach = false;           // of `run` only
  bool remove_at_end = false;
  std::filesystem::path kernel;   // empty: where scripts/fetch-kernel puts it
  std::filesystem::path modules;  // empty: beside the kernel
  unsigned cpus = 1;
  std::string memory = "512M";
  bool timeline = false;
  bool json = false;  // for who does not wait
  bool interactive = false;
  bool terminal = false;
  std::vector<std::string> env;
  std::optional<std::string> user;
  std::optional<std::string> workdir;
  std::optional<std::string> stop_signal;
  IsolationOptions isolation;
  std::string commit;                   // empty: none
  std::vector<std::string> ports;       // as docker run -p
  bool publish_all = false;             // those that the image exposes, and these
  std::vector<std::string> exposed;     // PORT[/udp]
  std::vector<std::string> copies_in;   // SOURCE:/DESTINATION
  std::vector<std::string> copies_out;  // /SOURCE:DESTINATION
  RunAttachments attachments;
  std::vector<std::string> command;
};

/// The same options for `run` and `create`; `run` has some of its own besides.
void add_run_options(CLI::App* command, RunOptions& options);
void add_options_of_run(CLI::App* command, RunOptions& options);

/// What `arguments` of a `run` or `create` mean.
RunOptions parse_run_options(const std::vector<std::string>& arguments);

/// Throws for what cannot be understood, before anything long is done in vain.
void check(const RunOptions& options);

}  // namespace cli
