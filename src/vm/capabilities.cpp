// SPDX-License-Identifier: Apache-2.0
#include <vmkit/base/error.hpp>
#include <vmkit/vm/capabilities.hpp>

namespace vmkit::vm {

std::string_view to_string(Feature feature) noexcept {
  switch (feature) {
    case Feature::machines:
      return "machines";
    case Feature::hardware_acceleration:
      return "hardware_acceleration";
    case Feature::sandbox:
      return "sandbox";
    case Feature::dies_with_owner:
      return "dies_with_owner";
    case Feature::virtiofs:
      return "virtiofs";
    case Feature::plan9:
      return "plan9";
    case Feature::memory:
      return "memory";
    case Feature::vsock:
      return "vsock";
    case Feature::vsock_listen:
      return "vsock_listen";
    case Feature::save:
      return "save";
    case Feature::statistics:
      return "statistics";
    case Feature::firmware:
      return "firmware";
    case Feature::network_disks:
      return "network_disks";
    case Feature::bridged_networks:
      return "bridged_networks";
    case Feature::host_only_networks:
      return "host_only_networks";
    case Feature::subnets:
      return "subnets";
    case Feature::graphics:
      return "graphics";
    case Feature::disk_hotplug:
      return "disk_hotplug";
    case Feature::share_change:
      return "share_change";
  }
  return "unknown";
}

std::string_view to_string(Limitation limitation) noexcept {
  switch (limitation) {
    case Limitation::none:
      return "none";
    case Limitation::missing_program:
      return "missing_program";
    case Limitation::too_old:
      return "too_old";
    case Limitation::missing_device:
      return "missing_device";
    case Limitation::no_permission:
      return "no_permission";
    case Limitation::cpu_without_virtualization:
      return "cpu_without_virtualization";
    case Limitation::other_architecture:
      return "other_architecture";
    case Limitation::not_built_in:
      return "not_built_in";
    case Limitation::disabled_by_option:
      return "disabled_by_option";
    case Limitation::too_little_memory:
      return "too_little_memory";
    case Limitation::unsupported_system:
      return "unsupported_system";
  }
  return "unknown";
}

FeatureStatus memory_status(ByteSize available) {
  constexpr ByteSize least(128ULL << 20);
  if (available >= least) return {Feature::memory};
  return {Feature::memory, Limitation::too_little_memory,
          "expected at least " + to_string(least) + " of available memory, found " +
              to_string(available),
          "end other programs, or raise the limit of the control group"};
}

const FeatureStatus& Capabilities::status(Feature feature) const {
  for (const FeatureStatus& status : features) {
    if (status.feature == feature) return status;
  }
  throw Error(Errc::internal,
              "capabilities of " + backend + ": no word about " + std::string(to_string(feature)));
}

}  // namespace vmkit::vm
