// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/vm/capabilities.hpp>
#include <vmkit/vm/config.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::vm {

namespace detail {
class MachineDriver;
class MachineStatus;
}  // namespace detail

/// A way to run machines on this host. Thread-safe; machines keep what they need of it alive.
class Backend {
 public:
  virtual ~Backend();

  /// "qemu".
  virtual std::string_view name() const noexcept = 0;

  /// What this host can do for guests of `architecture`. The first call may start a program to
  /// ask it (some 20 ms); later ones are answered from memory.
  virtual Capabilities capabilities(Architecture architecture = host_architecture(),
                                    const CallOptions& options = {}) = 0;

  /// All problems: those of vm::validate, then what this backend cannot do.
  virtual std::vector<ConfigProblem> validate(const MachineConfig& config) = 0;

  /// For each of the configuration's networks what the guest's interface is to be given; without a
  /// value it has to ask (DHCP).
  virtual std::vector<std::optional<NetworkAddresses>> network_addresses(
      const MachineConfig& config) const = 0;

  /// For MachineConfig::machine_identifier: one that no other machine has. unsupported where the
  /// backend gives its machines none.
  virtual std::string new_machine_identifier() = 0;

  /// A machine that has not been started: no process, no file yet. Throws invalid_argument with
  /// all problems of the configuration in the message.
  Machine create(MachineConfig config);

 protected:
  virtual std::unique_ptr<detail::MachineDriver> make_driver(MachineConfig config,
                                                             detail::MachineStatus& status) = 0;
};

}  // namespace vmkit::vm
