// SPDX-License-Identifier: Apache-2.0
#include "container/boot.hpp"
#include "container/process_options.hpp"

#include <vmkit/agent/seccomp.hpp>

namespace vmkit::container {
namespace {

std::optional<agent::SeccompFilter> seccomp_filter(const ContainerOptions& options) {
  const Isolation& isolation = options.isolation;
  if (isolation.privileged || isolation.seccomp_profile == "") return std::nullopt;
  const agent::SeccompTarget target{.architecture = architecture_of(options.image.platform),
                                    .capabilities = isolation.capabilities};
  return isolation.seccomp_profile ? agent::compile_seccomp(*isolation.seccomp_profile, target)
                                   : agent::default_seccomp_filter(target);
}

}  // namespace

agent::ContainerSpec container_spec(const ContainerOptions& options) {
  const Isolation& isolation = options.isolation;
  agent::ContainerSpec spec;
  spec.root = {.serial = root_disk_identifier, .read_only = isolation.writable_layer.has_value()};
  spec.writable_layer = isolation.writable_layer;
  spec.read_only_root = isolation.read_only_root;
  spec.hostname = options.hostname;
  spec.init = isolation.init;
  spec.mounts = isolation.mounts;
  spec.devices = isolation.devices;
  spec.sysctls = isolation.sysctls;
  spec.limits = isolation.limits;
  spec.seccomp = seccomp_filter(options);
  if (isolation.privileged) {
    spec.masked_paths.clear();
    spec.readonly_paths.clear();
    spec.writable_sys = true;
    spec.all_devices = true;
  } else {
    spec.masked_paths = isolation.masked_paths;
    spec.readonly_paths = isolation.readonly_paths;
  }
  agent::check(spec);
  return spec;
}

}  // namespace vmkit::container
