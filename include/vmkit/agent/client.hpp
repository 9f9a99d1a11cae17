// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/agent/container_spec.hpp>
#include <vmkit/agent/event.hpp>
#include <vmkit/agent/files.hpp>
#include <vmkit/agent/forward.hpp>
#include <vmkit/agent/network.hpp>
#include <vmkit/agent/process.hpp>
#include <vmkit/agent/statistics.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

/// What the agent says of itself and its machine. Told by the guest: do not trust it.
struct AgentInfo {
  std::uint32_t protocol_version = 0;
  std::string agent_version;
  std::string kernel_release;  ///< as `uname -r`
  std::string architecture;    ///< as `uname -m`
  bool root_mounted = false;   ///< by an earlier client
};

/// Settings of the running machine; what is not set stays as it is.
struct GuestSettings {
  std::optional<std::string> hostname = {};
  /// Sets the guest's clock to the host's if they are more than a second apart.
  bool set_clock = true;
  /// Gives the guest's random number generator 32 bytes of the host's: needed after a restore,
  /// where two machines would otherwise draw the same numbers.
  bool seed_random = true;
};

/// How a machine ends.
struct PowerOff {
  /// Sent to each process that was started by a client and still runs; 0: none.
  int signal = 0;
  /// How long these may take to end. What runs after that, or was started by them, is killed.
  std::chrono::milliseconds grace{0};
};

/// Makes a new connection to the agent, when there is none or the last one was lost. Throws
/// unavailable or io if it may work a little later, and failed_precondition if it never will: the
/// machine has ended. Called in a thread of the client's.
using Dialler = std::function<std::unique_ptr<Stream>(const CallOptions&)>;

/// How a lost connection to the agent is made again.
struct ReconnectOptions {
  /// How long it is tried to make a lost connection again. The guest keeps what is needed for
  /// that for 30 s.
  std::chrono::milliseconds limit = std::chrono::seconds(30);
};

/// Talks to the agent of one machine, by docs/formats/agent-protocol.md.
///
/// With a dialler a lost connection is made again, and nobody notices: each request is executed
/// once, each event is told once, and streams of processes go on at the byte where they were.
/// Otherwise, and when it cannot be made again, every call that waits, Process::wait() and the
/// streams included, ends with Error unavailable, and so does every later one; a new Client finds
/// the machine, its root and its processes as they are. Owns a few threads. Move-only; thread-safe.
class Client {
 public:
  /// Greets the agent and waits until it answers; the machine may still be booting. Give a
  /// deadline: a machine that does not boot never answers. Throws timeout, cancelled, unavailable
  /// if the stream ends, unsupported if the agent's version does not fit.
  static Client connect(std::unique_ptr<Stream> stream, const CallOptions& options);
  /// The same over connections that `dialler` makes, as often as needed.
  static Client connect(Dialler dialler, const ReconnectOptions& reconnect,
                        const CallOptions& options);

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  /// Leaves the session; the machine and its processes run on.
  ~Client();

  const AgentInfo& info() const;

  /// Makes the container: its namespaces, its cgroup, its root with all that is mounted in it. Once
  /// in a machine's life: failed_precondition after that. On an error nothing stays of it. Errors:
  /// invalid_argument as check(), not_found if no disk has a serial, unsupported for what the
  /// guest's kernel lacks.
  void create_container(const ContainerSpec& spec, const CallOptions& options = {});

  /// Changes the container's limits while it runs; those without a value stay as they are. Throws
  /// unsupported for those that the guest's kernel cannot keep.
  void set_limits(const ResourceLimits& limits, const CallOptions& options = {});

  /// What the container uses, since it was made.
  Statistics statistics(const CallOptions& options = {});
  /// All processes in the container, also those that nobody outside has started; at most 2048.
  std::vector<RunningProcess> top(const CallOptions& options = {});

  void configure(const GuestSettings& settings, const CallOptions& options = {});

  /// Gives the machine's network interfaces their addresses, or lets them ask, and brings them up.
  /// Returns what each has got, in the same order. not_found if there is no such interface, timeout
  /// if one that asks has no address after `dhcp_limit`: no interface of the call asks any more
  /// then. Of several default routes the first interface's is taken.
  std::vector<ConfiguredInterface> configure_network(
      const std::vector<InterfaceConfig>& interfaces, const CallOptions& options = {},
      std::chrono::milliseconds dhcp_limit = default_dhcp_limit);

  /// Starts a process in the root and returns when its program runs. Errors, each with the errno
  /// as native(): not_found (no such program), permission_denied (not executable, or of another
  /// format), invalid_argument (no such user or group, or text that is no UTF-8),
  /// failed_precondition (bad working directory, or no root). A call that was stopped kills what
  /// it may have started.
  Process spawn(const ProcessSpec& spec, const CallOptions& options = {});

  /// The processes that the guest knows: those that run, and those that have ended but whose
  /// status nobody has asked for, or whose output is kept. The oldest first.
  std::vector<ProcessInfo> processes(const CallOptions& options = {});
  /// A process that was started before, by whichever client; failed_precondition if the guest does
  /// not know it any more.
  Process attach(std::uint64_t handle, const AttachOptions& attach = {},
                 const CallOptions& options = {});

  /// The files in the root.
  Files files();

  /// Passes connections on that come to `listen` on the host to `target` in the guest, which is
  /// connected to for each. invalid_argument if one is of UDP and the other is not; else as
  /// HostListener::open.
  Forward forward(const Endpoint& listen, const Endpoint& target,
                  const ForwardOptions& options = {});
  /// The same where the place was taken before.
  Forward forward(HostListener listener, const Endpoint& target);
  /// The other way: connections that come to `listen` in the guest go to `target` on the host. The
  /// errors are those of listening there.
  Forward forward_from_guest(const Endpoint& listen, const Endpoint& target,
                             const ForwardOptions& options = {},
                             const CallOptions& call_options = {});
  /// A connection to something in the guest, TCP or a unix socket. unavailable, with errno, if
  /// nothing listens there.
  std::unique_ptr<Connection> open_connection(const Endpoint& target,
                                              const CallOptions& options = {});

  /// From now on `handler` is told what happens in the guest, in the order in which it happened
  /// and in a thread of the client's own: it may take its time and call the client, but must not
  /// destroy it. What it throws is dropped. Of events that nobody takes the last 1024 are kept.
  /// Replaces an earlier handler.
  void on_event(std::function<void(const GuestEvent&)> handler);

  /// Brings the file systems on all disks that can be written to a consistent state and holds
  /// everybody up who writes, until thaw() or for `limit` (at most ten minutes; then the event
  /// "thawed" tells). What is on the host is then as after an unmount: a copy needs no repair. All
  /// or none; failed_precondition if they are frozen already or there are none.
  void freeze(std::chrono::milliseconds limit, const CallOptions& options = {});
  /// failed_precondition if they are not frozen, or not any more.
  void thaw(const CallOptions& options = {});
  /// Gives what the file systems do not use back to the host, which frees it in the disks' files.
  /// Returns how much that was for the guest, part of which may have been free before.
  ByteSize trim(const CallOptions& options = {});

  /// Ends all processes, unmounts the disks, writes them back and switches the machine off, in this
  /// order. Returns when the agent has begun.
  void power_off(const PowerOff& how, const CallOptions& options = {});
  /// The same without asking the processes.
  void power_off(const CallOptions& options = {}) { power_off(PowerOff{}, options); }

  /// Sends so many bytes to the agent, which drops them, and has it send so many: what the channel
  /// can do. Waits until all have arrived. Returns how much memory the agent takes.
  ByteSize probe(ByteSize to_guest, ByteSize from_guest, const CallOptions& options = {});

  /// Why the session has ended for good; nothing while it goes on or is being made again.
  std::optional<Error> failure() const;
  /// Ends the session; what waits in other threads ends with unavailable. May be called again.
  void close() noexcept;

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::agent
