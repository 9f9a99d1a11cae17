// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "vm/machine_impl.hpp"
#include "vm/qemu/arguments.hpp"
#include "vm/qemu/firmware.hpp"
#include "vm/qemu/machine.hpp"
#include "vm/qemu/network.hpp"
#include "vm/qemu/refusals.hpp"
#include "vm/qemu/share_daemon.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/vm/host.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace vmkit::vm {
namespace qemu {
namespace {

class QemuBackend final : public Backend, public std::enable_shared_from_this<QemuBackend> {
 public:
  explicit QemuBackend(QemuOptions options) : options_(std::move(options)) {}

  std::string_view name() const noexcept override { return "qemu"; }

  Capabilities capabilities(Architecture architecture, const CallOptions& options) override {
    const Host found = host(architecture);
    Capabilities all = describe(options_, architecture, found, program(found, options),
                                share_daemon(options).status,
                                firmware_status(firmware(architecture), architecture));
    all.features.push_back(memory_status(host_resources().available_memory));
    return all;
  }

  std::vector<ConfigProblem> validate(const MachineConfig& config) override {
    std::vector<ConfigProblem> problems = vm::validate(config);
    const std::size_t devices = device_count(config);
    const std::size_t most = most_devices(config);
    if (devices > most) {
      problems.push_back(
          {"disks",
           "disks, networks, shares, the ports together, entropy, balloon, graphics and USB are " +
               std::to_string(devices) + " devices, expected at most " + std::to_string(most)});
    }
    if (usb_disk_count(config) > most_usb_disks) {
      problems.push_back({"disks", "expected at most " + std::to_string(most_usb_disks) +
                                       " USB disks, found " +
                                       std::to_string(usb_disk_count(config))});
    }
    for (std::size_t i = 0; i < config.shares.size(); ++i) {
      const auto status = share_status(config, config.shares[i]);
      if (!status.available()) {
        problems.push_back({"shares[" + std::to_string(i) + "].transport", status.reason});
      }
    }
    if (config.firmware) {
      const auto status = firmware_status(firmware(config.architecture), config.architecture);
      if (!status.available()) {
        problems.push_back({"firmware", status.reason + "; " + status.way_out});
      }
    }
    add_refusals(config, problems);
    const ByteSize memory = host_resources().memory;
    if (config.memory > memory) {
      problems.push_back({"memory", "expected at most what the host has, " + to_string(memory) +
                                        ", found " + to_string(config.memory)});
    }
    return problems;
  }

  std::vector<std::optional<NetworkAddresses>> network_addresses(
      const MachineConfig& config) const override {
    std::vector<std::optional<NetworkAddresses>> all;
    for (std::size_t i = 0; i < config.networks.size(); ++i) {
      const Network& network = config.networks[i];
      const bool own = network.kind == NetworkKind::nat && network.addressing != Addressing::dhcp;
      all.push_back(own ? std::optional(user_network(network, i)) : std::nullopt);
    }
    return all;
  }

  std::string new_machine_identifier() override {
    throw Error(Errc::unsupported, "the QEMU backend gives machines no identifier");
  }

  std::vector<std::filesystem::path> orphans() override {
    return detail::RuntimeFolder::orphans(options_.runtime_directory);
  }

 protected:
  std::unique_ptr<detail::MachineImpl> take_over(const std::filesystem::path& folder,
                                                 const CallOptions& options) override {
    Orphan orphan = qemu::take_over(folder, options.with_timeout(options_.response_limit));
    auto impl = std::make_unique<detail::MachineImpl>(orphan.config);
    impl->status.enter(MachineState::starting, MachineEventReason::start_requested);
    auto driver = make_machine(impl->config, impl->status);
    QemuMachine& machine = *driver;
    impl->driver = std::move(driver);
    machine.adopt(std::move(orphan), options);
    return impl;
  }

  std::unique_ptr<detail::MachineDriver> make_driver(MachineConfig config,
                                                     detail::MachineStatus& status) override {
    return make_machine(std::move(config), status);
  }

 private:
  std::unique_ptr<QemuMachine> make_machine(MachineConfig config, detail::MachineStatus& status) {
    const Architecture architecture = config.architecture;
    QemuMachine::Probes probes{
        .host = [self = shared_from_this(), architecture] { return self->host(architecture); },
        .firmware = [self = shared_from_this(),
                     architecture] { return self->firmware(architecture); },
        .share_daemon = [self = shared_from_this()] { return self->share_daemon({}); },
        .version = [self = shared_from_this(),
                    architecture] { return self->program(self->host(architecture), {}).version; }};
    return std::make_unique<QemuMachine>(std::move(config), status, options_, std::move(probes));
  }

  std::optional<FirmwareFiles> firmware(Architecture architecture) const {
    return find_firmware(options_.firmware_search, architecture);
  }

  /// A QEMU that was not found is looked for again: it may be installed by now.
  Host host(Architecture architecture) {
    std::lock_guard lock(mutex_);
    const auto known = hosts_.find(architecture);
    if (known != hosts_.end()) return known->second;
    if (hosts_.empty()) detail::RuntimeFolder::remove_abandoned(options_.runtime_directory);
    Host host = probe_host(options_, architecture);
    if (host.machines.available()) hosts_.emplace(architecture, host);
    return host;
  }

  Program program(const Host& host, const CallOptions& options) {
    if (!host.machines.available()) return {};
    std::lock_guard lock(mutex_);
    const auto known = programs_.find(host.binary);
    if (known != programs_.end()) return known->second;
    const Program program =
        probe_program(host.binary, options.with_timeout(options_.response_limit));
    programs_.emplace(host.binary, program);
    return program;
  }

  /// One that cannot be started is looked at again: what forbids it may be gone by now.
  ShareDaemon share_daemon(const CallOptions& options) {
    std::lock_guard lock(mutex_);
    if (share_daemon_) return *share_daemon_;
    const ShareDaemon daemon =
        probe_share_daemon(options_, options.with_timeout(options_.response_limit));
    if (daemon.status.available()) share_daemon_ = daemon;
    return daemon;
  }

  /// Whether a share can reach a guest in the way that it asks for.
  FeatureStatus share_status(const MachineConfig& config, const Share& share) {
    const bool plan9_only = options_.outlives_owner;
    if (plan9_only && share.transport == ShareTransport::virtiofs) {
      return {Feature::virtiofs, Limitation::disabled_by_option,
              "a machine that outlives its owner has shares over 9p only"};
    }
    if (plan9_only) return capabilities(config.architecture, {}).status(Feature::plan9);
    const ShareDaemon daemon = share_daemon({});
    if (share_transport(share, daemon) == ShareTransport::virtiofs) return daemon.status;
    return capabilities(config.architecture, {}).status(Feature::plan9);
  }

  const QemuOptions options_;
  std::mutex mutex_;
  std::map<Architecture, Host> hosts_;
  std::map<std::filesystem::path, Program> programs_;
  std::optional<ShareDaemon> share_daemon_;
};

}  // namespace
}  // namespace qemu

std::shared_ptr<Backend> make_qemu_backend(QemuOptions options) {
  return std::make_shared<qemu::QemuBackend>(std::move(options));
}

}  // namespace vmkit::vm
