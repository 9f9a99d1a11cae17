// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
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
class MachineImpl;
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

  /// The folders of the machines of this user that run, or are paused, and have no owner any more:
  /// see QemuOptions::outlives_owner. Other backends have none.
  virtual std::vector<std::filesystem::path> orphans();

  /// The machine in one of those folders (MachineDiagnostics::folder), running or paused, with its
  /// configuration; its ports have nobody connected. An initrd that was bytes is a file in that
  /// folder now. From here on it is as any other machine, but that it is not started a second time
  /// if its guest shows no sign of life, and that nobody is told how its process ends: an end that
  /// the guest did not announce is `failed`. What its console said without an owner is lost.
  /// Errors: failed_precondition (its owner lives), not_found (no such folder; the machine has
  /// ended, and what was left of it is removed), data_corruption, unsupported (another backend).
  /// When it does not answer, and on cancelled and timeout, it is killed.
  Machine adopt(const std::filesystem::path& folder, const CallOptions& options = {});

 protected:
  virtual std::unique_ptr<detail::MachineImpl> take_over(const std::filesystem::path& folder,
                                                         const CallOptions& options);
  virtual std::unique_ptr<detail::MachineDriver> make_driver(MachineConfig config,
                                                             detail::MachineStatus& status) = 0;
};

}  // namespace vmkit::vm
