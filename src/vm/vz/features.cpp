// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/planning.hpp"

namespace vmkit::vm::vz {
namespace {

FeatureStatus machines(const MacFacts& mac, Architecture architecture) {
  if (!mac.is_mac) {
    return {Feature::machines, Limitation::unsupported_system,
            "Virtualization.framework is a part of macOS", "use the QEMU backend"};
  }
  if (architecture != mac.architecture) {
    return {Feature::machines, Limitation::other_architecture,
            "Virtualization.framework runs guests of the Mac's own architecture only, " +
                std::string(to_string(mac.architecture)),
            "the QEMU backend emulates others"};
  }
  if (mac.macos_major < 13) {
    return {Feature::machines, Limitation::too_old,
            "macOS is " + macos_version(mac) + ", expected 13 or later", "update macOS"};
  }
  if (!mac.runs_machines) {
    return {Feature::machines, Limitation::cpu_without_virtualization,
            "this Mac cannot run virtual machines: its processor has no support for them, or it is "
            "a virtual machine itself, without nested virtualization"};
  }
  if (!mac.entitled) {
    return {Feature::machines, Limitation::no_permission,
            "the program lacks the entitlement com.apple.security.virtualization",
            "sign it, the program and not the library: codesign --force --sign - --entitlements "
            "vmkit.entitlements PROGRAM (docs/macos.md)"};
  }
  return {Feature::machines};
}

}  // namespace

Capabilities describe(const MacFacts& mac, Architecture architecture) {
  const FeatureStatus any = machines(mac, architecture);
  // What every machine of the framework has: it runs in a process of the system's, which has a
  // sandbox and ends with the program.
  const auto like_any = [&](Feature feature) {
    FeatureStatus status = any;
    status.feature = feature;
    return status;
  };
  const FeatureStatus plan9 = {Feature::plan9, Limitation::unsupported_system,
                               "Virtualization.framework has no 9p", "share folders over virtiofs"};
  const FeatureStatus statistics = {
      Feature::statistics, Limitation::unsupported_system,
      "Virtualization.framework does not tell which process runs a machine"};
  const auto since = [&](unsigned major, Feature feature) {
    FeatureStatus status = like_any(feature);
    if (any.available() && mac.macos_major < major) {
      status = {
          feature, Limitation::too_old,
          "macOS is " + macos_version(mac) + ", expected " + std::to_string(major) + " or later",
          "update macOS"};
    }
    return status;
  };
  FeatureStatus save = since(14, Feature::save);
  if (any.available() && mac.architecture != Architecture::arm64) {
    save = {Feature::save, Limitation::unsupported_system,
            "Virtualization.framework saves machines on Apple silicon only"};
  }
  FeatureStatus bridged = like_any(Feature::bridged_networks);
  if (any.available() && !mac.may_bridge) {
    bridged = {Feature::bridged_networks, Limitation::no_permission,
               "the program lacks the entitlement com.apple.vm.networking",
               "ask Apple for it, or use another kind of network (docs/macos.md)"};
  }
  return {"vz",
          architecture,
          mac.is_mac ? macos_version(mac) : "",
          any.available() ? "vz" : "",
          {any, like_any(Feature::hardware_acceleration), like_any(Feature::sandbox),
           like_any(Feature::dies_with_owner), like_any(Feature::virtiofs), plan9,
           like_any(Feature::vsock), save, statistics, like_any(Feature::vsock_listen),
           like_any(Feature::firmware), since(14, Feature::network_disks), bridged,
           since(26, Feature::host_only_networks), since(26, Feature::subnets),
           like_any(Feature::graphics), since(15, Feature::disk_hotplug),
           like_any(Feature::share_change)}};
}

}  // namespace vmkit::vm::vz
