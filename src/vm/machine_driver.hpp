// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::vm::detail {

/// What a backend does for one machine. Machine has checked that the state allows the call; from
/// start() on the driver enters the states that the machine really comes into, the final one
/// always, and when nothing of the run is left. Its errors name the machine. Thread-safe; the
/// destructor kills.
class MachineDriver {
 public:
  virtual ~MachineDriver();

  /// Returns when the state is not starting any more, or throws with nothing left running.
  virtual void start(const CallOptions& options) = 0;
  /// The same, but the state is paused then.
  virtual void restore(const std::filesystem::path& file, const CallOptions& options) = 0;
  /// Of a machine that was paused a moment ago.
  virtual void save(const std::filesystem::path& file, const CallOptions& options) = 0;
  /// Returns at once; the final state follows. Before start() it only prevents the start.
  virtual void request_kill() noexcept = 0;
  virtual void press_power_button(const CallOptions& options) = 0;
  /// On return the state is paused, or running, or a final one.
  virtual void pause(const CallOptions& options) = 0;
  virtual void resume(const CallOptions& options) = 0;
  virtual std::unique_ptr<Stream> open_port(std::string_view name, const CallOptions& options) = 0;
  /// Of a machine with vsock. A backend that refuses such configurations keeps this, which throws.
  virtual std::unique_ptr<Stream> connect_vsock(std::uint32_t port, const CallOptions& options);
  /// Likewise the next four: of a machine with vsock; of a tag that it has; of a sensible USB disk
  /// for a machine with a controller, whose identifier none of its configuration's disks has.
  virtual std::unique_ptr<VsockListener> listen_vsock(std::uint32_t port,
                                                      const CallOptions& options);
  virtual void set_share(const Share& share, const CallOptions& options);
  virtual void attach_disk(const Disk& disk, const CallOptions& options);
  virtual void detach_disk(std::string_view identifier, const CallOptions& options);
  virtual std::vector<std::string> console_tail(std::size_t lines) const = 0;
  /// Of a machine that runs or is paused, as far as anyone knows.
  virtual MachineStatistics statistics(const CallOptions& options) = 0;
  /// The target is sensible, and there is a balloon.
  virtual void set_memory_target(ByteSize target, const CallOptions& options) = 0;
  virtual MachineDiagnostics diagnostics() const = 0;
};

}  // namespace vmkit::vm::detail
