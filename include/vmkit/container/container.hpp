// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <vmkit/agent/files.hpp>
#include <vmkit/agent/process.hpp>
#include <vmkit/agent/statistics.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/container/event.hpp>
#include <vmkit/container/options.hpp>
#include <vmkit/container/probe.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::container {

/// One Linux container in a virtual machine of its own: an image's disk, a machine that boots from
/// it, and the agent inside that starts processes.
///
/// Runs once: create, start, any number of exec, stop. The destructor ends the machine at once if
/// it still runs, and removes the folder with the disk. One that is kept (ContainerOptions::keep)
/// leaves both, and can be opened and started again, from the disk as the last run has left it.
/// Move-only. Thread-safe, except that moving and destroying need every other call to be over.
class Container {
 public:
  /// Makes the container's folder and disk: unpacks the image's layers if no container of the same
  /// image was made before (rootfs::Cache), and clones the result. No machine yet. On an error
  /// nothing is left of the container; the unpacked image stays in the cache.
  /// Errors: already_exists (the folder), resource_exhausted (disk full, image larger than
  /// disk_size), data_corruption (a layer), invalid_argument (what the backend cannot do),
  /// failed_precondition (a kernel whose modules have no virtio), and unsupported where clone_mode
  /// requires a copy-on-write clone that the file system cannot make.
  static Container create(ContainerOptions options, const CallOptions& call_options = {});

  /// A container that was kept, by its folder: what its disk has, and options that may be others
  /// than it was made with (those about making a disk do not count). It need not have been ended
  /// in order. Errors: not_found (there is none), unavailable (another Container has it now),
  /// failed_precondition (it is not kept), data_corruption (of its record), and those of create()
  /// that are not about the image.
  static Container open(ContainerOptions options);

  Container(Container&&) noexcept;
  Container& operator=(Container&&) noexcept;
  ~Container();

  /// Boots the machine and returns when processes can be started in it. On an error, also on
  /// cancelled, the machine is gone and the container of no more use; its last console lines are in
  /// the message. Errors besides those of vm::Machine::start: timeout (boot_limit), unavailable
  /// (the machine ended before its agent answered), and failed_precondition if it was started
  /// before, which does a running machine no harm.
  void start(const CallOptions& options = {});

  /// Starts a process. Returns when its program runs; errors as agent::Client::spawn, and
  /// failed_precondition before start. If the machine ends while the process runs, its calls throw
  /// unavailable with the reason and the last console lines.
  agent::Process exec(const ProcessOptions& process = {}, const CallOptions& options = {});

  /// The processes of exec() that the guest knows, and one of them again; see agent::Client.
  std::vector<agent::ProcessInfo> processes(const CallOptions& options = {});
  agent::Process attach(std::uint64_t handle, const agent::AttachOptions& attach = {},
                        const CallOptions& options = {});

  /// The container's files, while it runs; failed_precondition before start.
  agent::Files files();

  /// Passes connections on that come to a place on the host to one in the container, or the other
  /// way, for as long as the Forward lives. See agent::Client; failed_precondition before start.
  agent::Forward forward(const agent::Endpoint& listen, const agent::Endpoint& target,
                         const agent::ForwardOptions& options = {});
  agent::Forward forward_from_guest(const agent::Endpoint& listen, const agent::Endpoint& target,
                                    const agent::ForwardOptions& options = {},
                                    const CallOptions& call_options = {});
  /// A connection to something in the container; unavailable if nothing listens there.
  std::unique_ptr<agent::Connection> open_connection(const agent::Endpoint& target,
                                                     const CallOptions& options = {});
  /// What ContainerOptions::ports has become, with the ports that were picked.
  std::vector<PortMapping> ports() const;

  /// Returns when a try of `probe` has succeeded. Throws timeout (the deadline of `options`, with
  /// why the last try failed), cancelled, failed_precondition (so many failures as
  /// Probe::retries), unavailable (the machine has ended).
  void wait_ready(const Probe& probe, const CallOptions& options = {});

  /// As far as it is checked: ContainerOptions::health. Changes are events too.
  Health health() const;

  /// What the container uses, and the processes in it; failed_precondition before start.
  agent::Statistics statistics(const CallOptions& options = {});
  std::vector<agent::RunningProcess> top(const CallOptions& options = {});
  /// Changes limits while it runs; those without a value stay. Errors as agent::Client::set_limits.
  void set_limits(const agent::ResourceLimits& limits, const CallOptions& options = {});

  /// What the machine takes of the host; see vm::Machine::statistics.
  vm::MachineStatistics machine_statistics(const CallOptions& options = {});
  /// Gives memory back to the host, or takes it again: vm::Machine::set_memory_target. Needs
  /// ContainerOptions::balloon.
  void set_memory_target(ByteSize target, const CallOptions& options = {});

  /// Waits until the machine has ended, however, and returns its last event. failed_precondition
  /// before start.
  vm::MachineEvent wait(const CallOptions& options = {});

  /// Asks each process that exec() has started to end, by ContainerOptions::stop_signal; what still
  /// runs after `grace` is killed, as is what these have left behind. Then the disks are unmounted
  /// and written back and the machine is powered off; one that takes more than ten seconds for
  /// that is killed. Nothing happens if it has ended. If the call itself ends early (cancelled,
  /// timeout), the machine is left as it is: running, or on its way to power off.
  void stop(std::chrono::milliseconds grace = std::chrono::seconds(10),
            const CallOptions& options = {});

  /// Ends the machine at once.
  void kill() noexcept;

  /// Copies the container's disk while it runs, copy-on-write where the file system can: its file
  /// system is frozen for that moment, so the copy needs no repair. On an error there is no copy;
  /// in any case the container goes on. Errors as agent::Client::freeze and disk::clone.
  disk::CloneMethod clone_disk(const std::filesystem::path& target,
                               disk::CloneMode mode = disk::CloneMode::prefer_cow,
                               const CallOptions& options = {});
  /// The same into the disk's named snapshots (disk::Snapshots), of which it can be given one again
  /// when the machine has ended. Of a container that is not kept they go with it. Errors besides
  /// those of clone_disk: as disk::Snapshots::create.
  disk::CloneMethod snapshot_disk(const std::string& name,
                                  disk::CloneMode mode = disk::CloneMode::prefer_cow,
                                  const CallOptions& options = {});
  /// Gives what its disks do not use back to the host; see agent::Client::trim.
  ByteSize trim(const CallOptions& options = {});

  /// Halts the machine's processors, and lets them go on; then the guest's clock is set again.
  /// failed_precondition if it is neither running nor paused.
  void pause(const CallOptions& options = {});
  void resume(const CallOptions& options = {});

  /// Ends the machine at once and removes the folder, though the container was to be kept.
  void remove() noexcept;

  /// Calls `handler` for every event from now on, until the subscription ends.
  vm::EventSubscription on_event(ContainerEventHandler handler);

  vm::MachineState state() const noexcept;
  Timeline timeline() const;
  /// The guest's `uname -r`, once started; otherwise empty. Told by the guest.
  std::string kernel_release() const;
  /// The last lines of the guest's console.
  std::vector<std::string> console_tail(std::size_t lines) const;

  /// What the machine runs as on the host.
  vm::MachineDiagnostics diagnostics() const;

  /// Removes what killed programs left of their containers: the folders directly below `parent`
  /// that a Container made, that are not kept and that none holds any more. Returns how many.
  static std::size_t remove_abandoned(const std::filesystem::path& parent);

  /// Removes the folder of a container, kept or not, that no Container has; no image and no backend
  /// are needed for that. Errors: not_found (there is none), unavailable (a Container has it now),
  /// and what the file system says, with a part of the folder gone.
  static void remove(const std::filesystem::path& folder);

 private:
  struct Impl;
  explicit Container(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The command of a process of the image, as Docker does it: the Entrypoint, then `arguments` or,
/// without any, Cmd. Throws invalid_argument if that is nothing at all.
std::vector<std::string> command_of(const oci::ImageConfig& config,
                                    std::vector<std::string> arguments = {});

}  // namespace vmkit::container
