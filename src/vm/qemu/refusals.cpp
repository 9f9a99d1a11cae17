// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/refusals.hpp"

#include <string>
#include <utility>

namespace vmkit::vm::qemu {
namespace {

void add_network(const Network& network, const std::string& field,
                 std::vector<ConfigProblem>& problems) {
  if (network.kind == NetworkKind::host_only) {
    problems.push_back({field + "kind",
                        "QEMU's own network reaches either what the host reaches or nothing; "
                        "use tap, with a device that leads to the host only"});
  }
  if (network.kind == NetworkKind::bridged) {
    problems.push_back({field + "kind",
                        "a program without root cannot join an interface; use tap, with a device "
                        "that is in a bridge with it"});
  }
  if (network.mtu != 0 && network.kind == NetworkKind::nat) {
    problems.push_back({field + "mtu", "QEMU's own network has packets of 1500 bytes; expected 0"});
  }
}

}  // namespace

void add_refusals(const MachineConfig& config, std::vector<ConfigProblem>& problems) {
  const auto refuse = [&](bool asked, const char* field, std::string message) {
    if (asked) problems.push_back({field, std::move(message)});
  };
  for (std::size_t i = 0; i < config.networks.size(); ++i) {
    add_network(config.networks[i], "networks[" + std::to_string(i) + "].", problems);
  }
  refuse(config.vsock, "vsock",
         "the QEMU backend gives machines no vsock; a port (MachineConfig::ports) is a byte stream "
         "to the guest with every backend");
  refuse(config.nested_virtualization, "nested_virtualization",
         "the QEMU backend does not offer it");
  refuse(config.rosetta, "rosetta",
         "Rosetta is a part of macOS, for its own machines; the QEMU backend emulates whole "
         "machines of the other architecture");
  refuse(config.sound.has_value(), "sound",
         "QEMU would have to reach the sound server of the host's user, which one without an "
         "environment and with closed system calls cannot");
  refuse(config.clipboard && !config.graphics, "clipboard",
         "with QEMU it is that of who looks at the screen over VNC; set \"graphics\" too");
  refuse(!config.machine_identifier.empty(), "machine_identifier",
         "the QEMU backend gives machines none");
}

}  // namespace vmkit::vm::qemu
