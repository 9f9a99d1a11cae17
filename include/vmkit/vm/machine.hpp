// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/vm/config.hpp>
#include <vmkit/vm/vsock_listener.hpp>

namespace vmkit::vm {

/// created → starting → running ⇄ paused → stopping → stopped; failed from any but stopped; from
/// starting to paused if it is restored. The last two are final: a machine runs once, the next run
/// is another Machine.
enum class MachineState { created, starting, running, paused, stopping, stopped, failed };

/// "created", "starting", …
std::string_view to_string(MachineState state) noexcept;

/// Why an event came.
enum class MachineEventReason {
  start_requested,
  started,   ///< The processors run; the guest's kernel may not have spoken yet.
  restored,  ///< It is paused where it was saved; resume() lets it go on.
  adopted,   ///< It ran, or was paused, without an owner (Backend::adopt).
  paused,
  resumed,
  stop_requested,
  boot_retried,   ///< No sign of life from the first boot; it runs a second time now.
  guest_stopped,  ///< Final: the guest powered itself off, perhaps because it was asked to.
  guest_crashed,  ///< Final: the guest reset itself: a panic, or an (unsupported) reboot.
  device_lost,    ///< It runs on without a device that the host took away: see the error.
  killed,         ///< Final: by kill(), by stop() after its grace time, by the destructor.
  failed,         ///< Final: could not be started, or its process or framework broke down.
};

/// "start_requested", "started", …
std::string_view to_string(MachineEventReason reason) noexcept;

/// A change of a machine's state, with its reason.
struct MachineEvent {
  MachineState state;  ///< After the event.
  MachineEventReason reason;
  /// With guest_crashed, failed, device_lost and boot_retried: what was seen, with the last console
  /// lines. No sign of life is Errc::timeout.
  std::optional<Error> error = {};
};

/// Must not throw, should return soon, and must not call start, stop, kill, pause, resume or wait
/// of the same machine, nor destroy it: it runs in the machine's own threads, one event at a time.
using MachineEventHandler = std::function<void(const MachineEvent&)>;

/// While it lives, the handler is called; its end waits for a call that is running in another
/// thread. Move-only; may outlive the machine.
class [[nodiscard]] EventSubscription {
 public:
  EventSubscription() = default;
  explicit EventSubscription(std::shared_ptr<void> entry) : entry_(std::move(entry)) {}
  EventSubscription(EventSubscription&&) noexcept = default;
  EventSubscription& operator=(EventSubscription&&) noexcept = default;

 private:
  std::shared_ptr<void> entry_;
};

/// What a machine takes of the host, at the time of asking.
struct MachineStatistics {
  /// Of all its processes: the guest's processors and what serves its devices.
  std::chrono::microseconds cpu_time{0};
  /// What of their memory the host keeps in its own. Most of it is the guest's.
  ByteSize resident_memory;
  /// MachineConfig::memory less what the guest has given back; only with a balloon.
  std::optional<ByteSize> guest_memory = {};
};

/// For diagnosis only.
struct MachineDiagnostics {
  std::optional<std::int64_t> process_id;  ///< Of the process that runs the guest, if there is one.
  std::string accelerator;
  unsigned boot_attempts = 0;
  /// The private folder of a QEMU machine, while it is there: what Backend::adopt takes.
  std::filesystem::path folder = {};
  /// The unix socket on which a QEMU machine with MachineConfig::graphics serves its screen over
  /// VNC (RFC 6143), without a password: only this user gets there.
  std::filesystem::path screen = {};
};

namespace detail {
class MachineImpl;
}

/// One run of one virtual machine, made by Backend::create. The destructor kills it. Thread-safe,
/// except that moving and destroying need every other call to be over.
class Machine {
 public:
  explicit Machine(std::unique_ptr<detail::MachineImpl> impl);
  Machine(Machine&&) noexcept;
  Machine& operator=(Machine&&) noexcept;
  ~Machine();

  const MachineConfig& config() const noexcept;
  MachineState state() const noexcept;

  /// Starts the machine and returns as soon as its processors run: it does not wait for the guest.
  /// Whether the kernel speaks is watched from then on (MachineConfig::boot_watchdog). On an error,
  /// also on cancelled and timeout, nothing is left running and the machine has failed.
  /// Errors: failed_precondition (started before; a disk in use by another machine), not_found (the
  /// backend's program, kernel, initrd, a disk), invalid_argument (a kernel or disk of a wrong
  /// format), unsupported (the backend refuses; its own words are in the message), timeout.
  void start(const CallOptions& options = {});

  /// Instead of start(): brings the machine to where save() left one, paused. The configuration has
  /// to be what that had, but for its name, boot, console and watchdog, and for the disks' files
  /// and how the host caches them; those must have the content that they had when it was saved, and
  /// ports have nobody connected. What the guest knows of the world is old by then: its clock, its
  /// network connections, and its random numbers, which all machines restored from one file share
  /// until it gets new ones.
  /// Who can write the file can put anything into the guest, and talks to the backend's parser.
  /// Errors: those of start(); not_found (the file), data_corruption (it is damaged),
  /// invalid_argument (another configuration; all differences are in the message), unsupported
  /// (another backend, another version of it, or another accelerator wrote it).
  void restore(const std::filesystem::path& file, const CallOptions& options = {});

  /// Writes a paused machine's memory, processors and devices into a file, from which another
  /// machine goes on with restore(), now or later, on this host. Not its disks: before this one
  /// goes on, they are to be cloned, or it is to be killed. The machine stays paused, and can go
  /// on; with QEMU others may have its disks until then, but once they have written it cannot
  /// (resume(): failed_precondition). The file is as large as the memory that the guest has used,
  /// is for this user only, for the guest's secrets are in it, and appears under its name when it
  /// is whole. With QEMU progress has the phase "save", in bytes. Errors: failed_precondition (not
  /// paused, or a disk was attached to it), already_exists (the file), unsupported (Feature::save;
  /// a device whose state cannot be saved: with QEMU shared folders and NVMe disks, with VZ USB
  /// disks and what the framework says), resource_exhausted (no room).
  void save(const std::filesystem::path& file, const CallOptions& options = {});

  /// Presses the guest's power button and waits for the machine to end; after `grace` kills it.
  /// The guest needs a program that minds the button (under x86-64 an ACPI one). If the call
  /// itself ends early (cancelled, timeout), the machine stays as it is, stopping. Nothing happens
  /// if it has ended.
  void stop(std::chrono::milliseconds grace, const CallOptions& options = {});

  /// Ends the machine at once, as if its plug was pulled; returns when it is gone.
  void kill() noexcept;

  /// Halts and continues the processors. failed_precondition in any state but running, paused.
  void pause(const CallOptions& options = {});
  void resume(const CallOptions& options = {});

  /// Waits for the end, until all handlers have heard of it, and returns the final event.
  /// failed_precondition if it was never started.
  MachineEvent wait(const CallOptions& options = {});

  /// Calls `handler` for every event from now on, until the subscription ends.
  EventSubscription on_event(MachineEventHandler handler);

  /// Connects to the port of that name: one connection at a time, failed_precondition if there is
  /// one already; not_found if the configuration has no such port. The guest need not be there
  /// yet: what is written is kept until it reads. The stream has no half-close (close_write throws
  /// unsupported) and ends with the machine, or with a boot that is retried: then open it again.
  /// What a former connection left unread on its way to the guest still arrives there, and answers
  /// to it arrive here: begin a session with something that tells it from the last.
  std::unique_ptr<Stream> open_port(std::string_view name, const CallOptions& options = {});

  /// Connects to the program in the guest that listens on this vsock port. Each call is a
  /// connection of its own, which can be closed in one direction. unavailable if nobody listens,
  /// yet: the guest may have to boot first. failed_precondition if the configuration has no vsock,
  /// or the machine does not run. The stream ends with the machine.
  std::unique_ptr<Stream> connect_vsock(std::uint32_t port, const CallOptions& options = {});

  /// Has the connections taken that programs in the guest make to this vsock port of the host
  /// (address 2, VMADDR_CID_HOST), from now on and until the listener's end. already_exists if
  /// there is a listener on that port; failed_precondition if the configuration has no vsock, or
  /// the machine does not run; unsupported (Feature::vsock_listen).
  std::unique_ptr<VsockListener> listen_vsock(std::uint32_t port, const CallOptions& options = {});

  /// Gives the guest another folder, or the same one writable or not, where it has mounted
  /// `share.tag`, which is the tag of one of MachineConfig::shares: not_found else. What the guest
  /// has open of the old one is stale then. config() stays as it was, and so do later machines.
  /// failed_precondition if it does not run; unsupported (Feature::share_change).
  void set_share(const Share& share, const CallOptions& options = {});

  /// Plugs a USB disk into the guest, and returns when it is there for the guest to find; it is
  /// this machine's until detach_disk or the machine's end. Its identifier, which must not be
  /// empty nor another disk's, is what detach_disk knows it by. failed_precondition if the
  /// configuration has no USB controller, the machine does not run, or another machine has the
  /// disk; invalid_argument (an unfit disk, another device than DiskDevice::usb); not_found (its
  /// file); unsupported (Feature::disk_hotplug).
  void attach_disk(const Disk& disk, const CallOptions& options = {});

  /// Pulls a disk that attach_disk has plugged in: the guest has to have unmounted it, or loses
  /// what it has not written. On return the file is free. not_found if there is none of that
  /// identifier; otherwise as attach_disk.
  void detach_disk(std::string_view identifier, const CallOptions& options = {});

  /// The last lines (at most `lines`, 64 KiB) of the guest's console, without control characters.
  std::vector<std::string> console_tail(std::size_t lines) const;

  /// failed_precondition if it does not run, or is not there any more; unsupported where the
  /// backend does not know (Feature::statistics).
  MachineStatistics statistics(const CallOptions& options = {});

  /// Asks the guest to do with so much memory: what it can spare goes back to the host, and comes
  /// again with a higher target. Returns at once; the guest follows in its own time and as far as
  /// it can (MachineStatistics::guest_memory). From 32 MiB to MachineConfig::memory, in whole MiB:
  /// else invalid_argument, as is less than the backend can do with. failed_precondition if it does
  /// not run, or has no balloon.
  void set_memory_target(ByteSize target, const CallOptions& options = {});

  MachineDiagnostics diagnostics() const;

 private:
  std::unique_ptr<detail::MachineImpl> impl_;
};

}  // namespace vmkit::vm
