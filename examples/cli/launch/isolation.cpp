// SPDX-License-Identifier: Apache-2.0
#include "launch/isolation.hpp"

#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <utility>

#include "options/list_option.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;

/// The parts before and after the first `separator`; the second is empty if there is none.
std::pair<std::string, std::string> split(const std::string& text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

std::uint64_t number(const std::string& option, const std::string& text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(Errc::invalid_argument, option + ": expected a number, found \"" + text + "\"");
  }
  return value;
}

agent::Rlimit ulimit(const std::string& text) {
  const auto [name, values] = split(text, '=');
  const auto [soft, hard] = split(values, ':');
  const auto value = [](const std::string& word) {
    return word == "unlimited" || word == "-1" ? agent::Rlimit::unlimited
                                               : number("--ulimit", word);
  };
  return {name, value(soft), value(hard.empty() ? soft : hard)};
}

agent::Mount tmpfs(const std::string& text) {
  auto [path, options] = split(text, ':');
  // Docker's defaults.
  agent::Mount mount{.type = agent::MountType::tmpfs,
                     .target = path,
                     .nosuid = true,
                     .nodev = true,
                     .noexec = true};
  while (!options.empty()) {
    const auto [option, rest] = split(options, ',');
    const auto [name, value] = split(option, '=');
    if (name == "size") {
      mount.size = ByteSize::parse(value);
    } else if (name == "mode") {
      mount.mode = static_cast<std::uint32_t>(number("--tmpfs mode", value, 8));
    } else if (name == "ro" || name == "rw") {
      mount.read_only = name == "ro";
    } else if (name == "exec" || name == "noexec") {
      mount.noexec = name == "noexec";
    } else {
      throw Error(Errc::invalid_argument,
                  "--tmpfs: expected size=, mode=, ro or exec, found \"" + option + "\"");
    }
    options = rest;
  }
  return mount;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(Errc::not_found, "--security-opt: cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void apply_security(const std::string& text, container::Isolation& isolation) {
  const auto [name, value] = split(text, '=');
  if (name == "no-new-privileges" && (value.empty() || value == "true")) {
    isolation.no_new_privileges = true;
  } else if (name == "seccomp" && !value.empty()) {
    isolation.seccomp_profile = value == "unconfined" ? "" : read_text(value);
  } else {
    throw Error(Errc::invalid_argument,
                "--security-opt: expected no-new-privileges, seccomp=FILE or seccomp=unconfined, "
                "found \"" +
                    text + "\"");
  }
}

}  // namespace

void add_isolation(CLI::App* command, IsolationOptions& options) {
  const auto list = [&](const char* name, std::vector<std::string>& values, const char* help,
                        const char* type) { return add_list(command, name, values, help, type); };
  command->add_option("--entrypoint", options.entrypoint, "In place of the image's");
  command->add_option("--hostname", options.hostname, "Name of the container; random if not given");
  list("--group-add", options.groups, "Another group of the user", "GROUP");
  command->add_flag("--privileged", options.privileged, "All capabilities, nothing hidden");
  list("--cap-add", options.add_capabilities, "Add a capability", "NAME|ALL");
  list("--cap-drop", options.drop_capabilities, "Take a capability away", "NAME|ALL");
  list("--security-opt", options.security,
       "no-new-privileges, seccomp=FILE (an OCI profile) or seccomp=unconfined", "OPTION");
  list("--ulimit", options.ulimits, "Limit of each process", "NAME=SOFT[:HARD]");
  list("--sysctl", options.sysctls, "Set a parameter of the kernel", "NAME=VALUE");
  list("--tmpfs", options.tmpfs, "A file system in memory", "DIR[:size=SIZE,mode=MODE,ro,exec]");
  command->add_flag("--read-only", options.read_only, "Nothing may be written to the root");
  command->add_flag("--init,!--no-init", options.init,
                    "Process 1 reaps orphans (default); without it the command is process 1");
  auto* const overlay =
      command
          ->add_option("--overlay", options.overlay,
                       "Changes go to memory, so much of it; the disk is that of the image itself")
          ->type_name("SIZE");
  list("--storage-opt", options.storage,
       "size=SIZE: changes go to a disk of their own of that size", "OPTION")
      ->excludes(overlay);
  command->add_option("--memory-limit", options.memory_limit, "Of the memory, for the container")
      ->type_name("SIZE");
  command->add_option("--cpu-limit", options.cpu_limit, "Of the processors, for it (as 0.5)");
  command->add_option("--pids-limit", options.pids_limit, "Processes it may have");
}

container::Isolation isolation_of(const IsolationOptions& options) {
  container::Isolation isolation;
  isolation.privileged = options.privileged;
  isolation.capabilities = agent::changed_capabilities(
      agent::default_capabilities(), options.add_capabilities, options.drop_capabilities);
  for (const std::string& text : options.security) apply_security(text, isolation);
  for (const std::string& text : options.ulimits) isolation.rlimits.push_back(ulimit(text));
  for (const std::string& text : options.sysctls) isolation.sysctls.insert(split(text, '='));
  for (const std::string& text : options.tmpfs) isolation.mounts.push_back(tmpfs(text));
  isolation.read_only_root = options.read_only;
  isolation.init = options.init;
  if (!options.overlay.empty()) {
    isolation.writable_layer = agent::WritableLayer{.size = ByteSize::parse(options.overlay)};
  }
  for (const std::string& text : options.storage) {
    const auto [name, value] = split(text, '=');
    if (name != "size") {
      throw Error(Errc::invalid_argument,
                  "--storage-opt: expected size=SIZE, found \"" + text + "\"");
    }
    isolation.writable_disk = ByteSize::parse(value);
  }
  agent::ResourceLimits& limits = isolation.limits;
  if (!options.memory_limit.empty()) limits.memory_max = ByteSize::parse(options.memory_limit);
  if (options.pids_limit != 0) limits.pids_max = options.pids_limit;
  if (options.cpu_limit != 0) {
    const double share = options.cpu_limit * static_cast<double>(limits.cpu_period.count());
    if (!(share >= 1 && share <= 1e12)) {
      throw Error(Errc::invalid_argument, "--cpu-limit: expected a number such as 0.5");
    }
    limits.cpu_quota = std::chrono::microseconds(std::llround(share));
  }
  return isolation;
}

container::ImageOverrides overrides_of(const IsolationOptions& options) {
  container::ImageOverrides overrides;
  if (options.entrypoint) {
    overrides.entrypoint.emplace();
    if (!options.entrypoint->empty()) overrides.entrypoint->push_back(*options.entrypoint);
  }
  return overrides;
}

}  // namespace cli
