// SPDX-License-Identifier: Apache-2.0
#include "container/process_options.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <vmkit/base/error.hpp>
#include <vmkit/container/container.hpp>

namespace vmkit::container {
namespace {

constexpr std::string_view default_path =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

void set_variable(std::vector<std::string>& env, const std::string& variable) {
  const auto place = std::find_if(env.begin(), env.end(), [&](const std::string& other) {
    return name_of(other) == name_of(variable);
  });
  if (place == env.end()) {
    env.push_back(variable);
  } else {
    *place = variable;
  }
}

void add_variables(std::vector<std::string>& env, const std::vector<std::string>& more) {
  for (const std::string& variable : more) {
    if (variable.find('=') == std::string::npos || variable.front() == '=') {
      throw Error(Errc::invalid_argument,
                  "environment variable \"" + variable + "\": expected NAME=value");
    }
    set_variable(env, variable);
  }
}

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
  return std::any_of(env.begin(), env.end(),
                     [&](const std::string& variable) { return name_of(variable) == name; });
}

}  // namespace

std::vector<std::string> command_of(const oci::ImageConfig& config,
                                    std::vector<std::string> arguments) {
  std::vector<std::string> command = config.entrypoint;
  if (arguments.empty()) arguments = config.cmd;
  command.insert(command.end(), std::make_move_iterator(arguments.begin()),
                 std::make_move_iterator(arguments.end()));
  if (command.empty()) {
    throw Error(Errc::invalid_argument,
                "the image has neither an Entrypoint nor a Cmd: say which command to run");
  }
  return command;
}

oci::ImageConfig overridden(oci::ImageConfig config, const ImageOverrides& overrides) {
  const auto replace = [](auto& value, const auto& own) {
    if (own) value = *own;
  };
  if (overrides.entrypoint) config.cmd.clear();
  replace(config.entrypoint, overrides.entrypoint);
  replace(config.cmd, overrides.cmd);
  add_variables(config.env, overrides.env);
  replace(config.user, overrides.user);
  replace(config.working_dir, overrides.working_dir);
  replace(config.exposed_ports, overrides.exposed_ports);
  replace(config.volumes, overrides.volumes);
  for (const auto& [name, value] : overrides.labels) config.labels[name] = value;
  if (overrides.healthcheck) config.healthcheck = overrides.healthcheck;
  return config;
}

agent::ProcessSpec resolve(const ProcessOptions& process, const oci::ImageConfig& config,
                           const Isolation& isolation) {
  agent::ProcessSpec spec;
  spec.args = process.args.empty() ? command_of(config) : process.args;
  spec.env = config.env;
  add_variables(spec.env, process.env);
  if (!has_variable(spec.env, "PATH")) spec.env.emplace_back(default_path);
  const std::string image_folder = config.working_dir.empty() ? "/" : config.working_dir;
  spec.working_directory = process.working_directory.value_or(image_folder);
  spec.user = process.user.value_or(config.user);
  spec.groups = process.groups;
  spec.umask = process.umask;
  // Of two of one name the last counts.
  spec.rlimits = isolation.rlimits;
  spec.rlimits.insert(spec.rlimits.end(), process.rlimits.begin(), process.rlimits.end());
  const bool privileged = process.privileged || isolation.privileged;
  const auto names = privileged ? std::vector<std::string>{"ALL"} : isolation.capabilities;
  spec.capabilities = process.capabilities.value_or(agent::Capabilities::of(names));
  spec.no_new_privileges = process.no_new_privileges.value_or(isolation.no_new_privileges);
  spec.oom_score_adj = process.oom_score_adj;
  if (process.privileged) spec.seccomp_mode = agent::SeccompMode::none;
  spec.terminal = process.terminal;
  if (process.terminal && !has_variable(spec.env, "TERM")) spec.env.emplace_back("TERM=xterm");
  spec.kept_output = process.kept_output;
  spec.stdin_mode = process.stdin_mode;
  spec.stdout_mode = process.stdout_mode;
  spec.stderr_mode = process.stderr_mode;
  return spec;
}

}  // namespace vmkit::container
