// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "vm/console_recorder.hpp"
#include "vm/machine_driver.hpp"
#include "vm/machine_status.hpp"
#include "vm/qemu/arguments.hpp"
#include "vm/qemu/firmware.hpp"
#include "vm/qemu/host.hpp"
#include "vm/qemu/mailbox.hpp"
#include "vm/qemu/monitor.hpp"
#include "vm/qemu/orphan.hpp"
#include "vm/qemu/port.hpp"
#include "vm/qemu/saved_machine.hpp"
#include "vm/qemu/share_daemon.hpp"
#include "vm/runtime_folder.hpp"

#include <vmkit/base/log.hpp>

namespace vmkit::vm::qemu {

/// One machine as one QEMU process. Thread-safe as MachineDriver asks.
class QemuMachine final : public detail::MachineDriver {
 public:
  /// What this host has; may be asked from any thread.
  using HostProbe = std::function<Host()>;
  using FirmwareProbe = std::function<std::optional<FirmwareFiles>()>;
  using ShareDaemonProbe = std::function<ShareDaemon()>;
  /// QEMU's version.
  using VersionProbe = std::function<std::string()>;
  struct Probes {
    HostProbe host;
    FirmwareProbe firmware;
    ShareDaemonProbe share_daemon;
    VersionProbe version;
  };

  QemuMachine(MachineConfig config, detail::MachineStatus& status, QemuOptions options,
              Probes probes);
  ~QemuMachine() override;

  /// Instead of start(): drives a QEMU that runs. The state is running or paused then.
  void adopt(Orphan orphan, const CallOptions& options);

  void start(const CallOptions& options) override;
  void restore(const std::filesystem::path& file, const CallOptions& options) override;
  void save(const std::filesystem::path& file, const CallOptions& options) override;
  void request_kill() noexcept override;
  void press_power_button(const CallOptions& options) override;
  void pause(const CallOptions& options) override;
  void resume(const CallOptions& options) override;
  std::unique_ptr<Stream> open_port(std::string_view name, const CallOptions& options) override;
  void attach_disk(const Disk& disk, const CallOptions& options) override;
  void detach_disk(std::string_view identifier, const CallOptions& options) override;
  std::vector<std::string> console_tail(std::size_t lines) const override;
  MachineStatistics statistics(const CallOptions& options) override;
  void set_memory_target(ByteSize target, const CallOptions& options) override;
  MachineDiagnostics diagnostics() const override;

 private:
  void launch(const std::filesystem::path* saved_state, const CallOptions& options);
  void prepare(const std::filesystem::path* saved_state);
  void prepare_to_outlive(ArgumentsPlan& plan);
  void prepare_monitor();
  void prepare_networks(ArgumentsPlan& plan);
  void prepare_firmware(ArgumentsPlan& plan);
  void take_up_state(const std::string& what, const CallOptions& options);
  SavedBy writer() const;
  std::map<std::filesystem::path, os::FileStatus> disk_statuses() const;
  void check_saved_disks();
  std::filesystem::path prepare_initrd() const;
  void prepare_shares(ArgumentsPlan& plan);
  void run() noexcept;
  MachineEvent run_monitor() noexcept;
  void clean_up() noexcept;

  const MachineConfig config_;
  detail::MachineStatus& status_;
  const QemuOptions options_;
  const Probes probes_;
  const Logger log_;
  detail::ConsoleRecorder console_;
  Mailbox mailbox_;
  MonitorFacts facts_;

  mutable std::mutex mutex_;  // guards what is made by start() and gone at the end
  std::string accelerator_;
  std::optional<detail::RuntimeFolder> folder_;
  os::Descriptor qmp_listener_;
  os::Descriptor console_listener_;
  std::optional<os::File> life_;
  std::vector<PortListener> ports_;
  std::vector<os::Descriptor> networks_;  // empty ones too, so that they have their index
  std::vector<os::Descriptor> share_listeners_;
  os::Descriptor saved_state_;
  MonitorSetup setup_;

  std::map<std::filesystem::path, os::FileStatus> saved_disks_;  // then; until it goes on
  bool saved_by_former_owner_ = false;                           // with disks as nobody knows

  std::thread thread_;
};

}  // namespace vmkit::vm::qemu
