// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "os/descriptor.hpp"
#include "vm/vz/plan.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/base/result.hpp>

// The seam between the backend, which is portable C++, and Apple's framework.
namespace vmkit::vm::vz {

/// Called with the error, or nothing, when something that was asked for is done: once, in a thread
/// of the framework's, or never if the machine is let go before. Must not throw nor block.
using Completion = std::function<void(std::optional<Error>)>;

/// A connection's descriptor, which is the caller's, and what keeps the connection: the stream
/// works only as long as `owner` lives. May be let go in any thread.
struct VsockConnection {
  std::shared_ptr<void> owner;
  os::Descriptor fd;
};

using ConnectCompletion = std::function<void(Result<std::shared_ptr<VsockConnection>>)>;

/// Offered each connection that the guest makes to a port of the host's, in a thread of the
/// framework's; false: it is refused. Must not throw nor block.
using AcceptHandler = std::function<bool(std::shared_ptr<VsockConnection>)>;

/// What happens to a machine by itself. Called in a thread of the framework's, perhaps still when
/// the machine has been let go, so what they need must be owned by them. Must not throw nor block.
struct MachineListener {
  std::function<void()> guest_stopped;
  std::function<void(Error)> broke_down;
  std::function<void()> port_opened;       ///< By the guest; some port.
  std::function<void(Error)> device_lost;  ///< A network, or a disk's server.
  std::function<void()> released;  ///< The last of the machine is gone, after its destructor.
};

/// The descriptors that a machine is given, each one end of a pair whose other end is ours.
struct MachineDescriptors {
  os::Descriptor console;             ///< The guest's output is written to it.
  std::vector<os::Descriptor> ports;  ///< Read and written, one for each port of the plan.
  /// For each network of the plan; none but with NetworkAttachment::file_handle.
  std::vector<os::Descriptor> networks;
};

/// One machine of the framework's, in whatever state. All calls return at once. Thread-compatible;
/// the destructor, too, returns at once: the machine ends, with what belongs to it, in its own
/// time.
class VirtualMachine {
 public:
  virtual ~VirtualMachine() = default;

  virtual void start(Completion done) = 0;
  virtual void pause(Completion done) = 0;
  virtual void resume(Completion done) = 0;
  /// Pulls the plug. Done at once for a machine that has stopped; failed_precondition for one that
  /// is between two states: ask again.
  virtual void stop(Completion done) = 0;
  /// Presses the power button; done when it is pressed.
  virtual void request_stop(Completion done) = 0;
  virtual void set_memory_target(ByteSize target, Completion done) = 0;
  virtual void connect(std::uint32_t port, ConnectCompletion done) = 0;
  virtual void listen(std::uint32_t port, AcceptHandler accept, Completion done) = 0;
  virtual void stop_listening(std::uint32_t port) = 0;
  /// Of a machine that is paused; the file must not exist.
  virtual void save(const std::filesystem::path& file, Completion done) = 0;
  /// Instead of start(); the machine is paused then.
  virtual void restore(const std::filesystem::path& file, Completion done) = 0;
  /// The share's tag is one of the plan's.
  virtual void set_share(const PlannedShare& share, Completion done) = 0;
  /// To the plan's USB controller, on macOS 15.
  virtual void attach_disk(const std::string& name, const PlannedDisk& disk, Completion done) = 0;
  /// `name` is one that was attached.
  virtual void detach_disk(const std::string& name, Completion done) = 0;
};

/// Thread-safe.
class Framework {
 public:
  virtual ~Framework() = default;

  virtual MacFacts facts() = 0;

  /// In base64. Only on a Mac that runs machines.
  virtual std::string new_machine_identifier() = 0;

  /// Makes what the plan says, checked by the framework, with the initrd in the file
  /// `plan.initrd`. Throws what the framework says against it: see to_error.
  virtual std::unique_ptr<VirtualMachine> make_machine(const VzPlan& plan,
                                                       MachineDescriptors descriptors,
                                                       MachineListener listener) = 0;
};

}  // namespace vmkit::vm::vz
