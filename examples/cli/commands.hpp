// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "interrupt.hpp"
#include "run_attachments.hpp"
#include "run_isolation.hpp"

// The commands of the vmkit program. Each takes what was parsed from its command line and returns
// the exit status; errors come out as vmkit::Error.
namespace cli {

/// Exit statuses of `vmkit run` that are not the process's own, as those of docker run.
enum ExitStatus : int {
  exit_own_failure = 125,
  exit_not_executable = 126,
  exit_not_found = 127,
  exit_signal_base = 128,
};

struct RegistryOptions {
  std::string reference;
  std::string platform;  // empty: this host's
  bool plain_http = false;
  std::filesystem::path credentials_file;  // empty: the user's Docker config.json
  bool quiet = false;
};

struct PullOptions {
  std::filesystem::path store;
  RegistryOptions registry;
};

struct ImagesOptions {
  std::filesystem::path store;
  bool json = false;
};

struct UnpackOptions {
  std::filesystem::path store;
  RegistryOptions registry;
  std::filesystem::path target;
  std::string size = "16G";
};

struct SaveOptions {
  std::filesystem::path store;
  std::filesystem::path output;  // empty: standard output
  std::string format = "oci-archive";
  std::string platform;  // empty: this host's
  std::vector<std::string> references;
  bool quiet = false;
};

struct ExportOptions {
  std::filesystem::path disk;
  bool quiet = false;
};

struct LoadOptions {
  std::filesystem::path store;
  std::filesystem::path input;      // empty: standard input
  std::string platform;             // empty: this host's
  std::vector<std::string> images;  // empty: all
  std::string name;                 // empty: as in the archive
  bool quiet = false;
};

struct RunOptions {
  std::filesystem::path store;
  RegistryOptions registry;
  std::filesystem::path kernel;   // empty: where scripts/fetch-kernel puts it
  std::filesystem::path modules;  // empty: beside the kernel
  unsigned cpus = 1;
  std::string memory = "512M";
  bool timeline = false;
  bool interactive = false;
  bool terminal = false;
  std::vector<std::string> env;
  std::optional<std::string> user;
  std::optional<std::string> workdir;
  IsolationOptions isolation;
  std::string commit;                  // empty: what the command changes is gone with the container
  std::vector<std::string> ports;      // as docker run -p
  bool publish_all = false;            // those that the image exposes, and these
  std::vector<std::string> exposed;    // PORT[/udp]
  std::vector<std::string> copies_in;  // SOURCE:/DESTINATION
  std::vector<std::string> copies_out;  // /SOURCE:DESTINATION
  RunAttachments attachments;
  std::vector<std::string> command;
};

struct RemoveOptions {
  std::filesystem::path store;
  std::vector<std::string> names;
};

struct PruneOptions {
  std::filesystem::path store;
  bool dry_run = false;
  std::string disks;
};

struct CheckOptions {
  std::filesystem::path store;
  bool repair = false;
};

struct VolumeOptions {
  std::filesystem::path store;
  std::vector<std::string> names;
  std::string size = "16G";
};

struct DoctorOptions {
  std::filesystem::path kernel;   // empty: where scripts/fetch-kernel puts it
  std::filesystem::path modules;  // empty: beside the kernel
  bool json = false;
};

int pull(const PullOptions& options, const Interrupt& interrupt);
int images(const ImagesOptions& options);
int remove(const RemoveOptions& options, const Interrupt& interrupt);
int prune(const PruneOptions& options, const Interrupt& interrupt);
int check(const CheckOptions& options, const Interrupt& interrupt);
int unpack(const UnpackOptions& options, const Interrupt& interrupt);
int export_disk(const ExportOptions& options, const Interrupt& interrupt);
int save(const SaveOptions& options, const Interrupt& interrupt);
int load(const LoadOptions& options, const Interrupt& interrupt);
int run(const RunOptions& options, const Interrupt& interrupt);
int volume_create(const VolumeOptions& options, const Interrupt& interrupt);
int volume_list(const VolumeOptions& options);
int volume_remove(const VolumeOptions& options);
int doctor(const DoctorOptions& options);

}  // namespace cli
