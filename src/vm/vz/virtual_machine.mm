// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/virtual_machine.hpp"

#include <fcntl.h>
#include <utility>

#include "vm/vz/foundation.hpp"

/// Hands on what the framework tells. The names of its methods are the framework's: a misspelt one
/// is never called.
@interface VmkitVzDelegate : NSObject <VZVirtualMachineDelegate, VZVirtioConsoleDeviceDelegate> {
  vmkit::vm::vz::MachineListener* listener_;
}
- (instancetype)initWithListener:(const vmkit::vm::vz::MachineListener&)listener;
@end

@implementation VmkitVzDelegate

- (instancetype)initWithListener:(const vmkit::vm::vz::MachineListener&)listener {
  self = [super init];
  if (self != nil) listener_ = new vmkit::vm::vz::MachineListener(listener);
  return self;
}

- (void)dealloc {
  delete listener_;
  [super dealloc];
}

- (void)guestDidStopVirtualMachine:(VZVirtualMachine*)virtualMachine {
  listener_->guest_stopped();
}

- (void)virtualMachine:(VZVirtualMachine*)virtualMachine didStopWithError:(NSError*)error {
  listener_->broke_down(vmkit::vm::vz::to_error(error, "virtualization.framework"));
}

- (void)virtualMachine:(VZVirtualMachine*)virtualMachine
                         networkDevice:(VZNetworkDevice*)networkDevice
    attachmentWasDisconnectedWithError:(NSError*)error {
  const NSUInteger index = [[virtualMachine networkDevices] indexOfObjectIdenticalTo:networkDevice];
  listener_->network_lost(
      vmkit::vm::vz::to_error(error, "networks[" + std::to_string(index) + "]"));
}

- (void)consoleDevice:(VZVirtioConsoleDevice*)consoleDevice
          didOpenPort:(VZVirtioConsolePort*)consolePort {
  listener_->port_opened();
}

@end

namespace vmkit::vm::vz {
namespace {

/// What must be touched, and let go, on the queue only.
struct Core {
  Retained<VZVirtualMachine> machine;
  Retained<VmkitVzDelegate> delegate;  // the framework has it weakly
};

/// The framework keeps a connection open for as long as its object lives, and no longer: the object
/// goes with the stream, on the queue.
std::shared_ptr<VsockConnection> keep(const Queue& queue, VZVirtioSocketConnection* connection) {
  const int fd = ::fcntl([connection fileDescriptor], F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);  // streams block
  auto result = std::make_shared<VsockConnection>();
  result->fd = os::Descriptor(fd);
  result->owner = std::shared_ptr<void>([connection retain], [queue](void* object) {
    queue.async(^{
      [static_cast<VZVirtioSocketConnection*>(object) release];
    });
  });
  return result;
}

class AppleMachine final : public VirtualMachine {
 public:
  AppleMachine(const Queue& queue, std::shared_ptr<Core> core)
      : queue_(queue), core_(std::move(core)) {}

  void start(Completion done) override {
    call("start", std::move(done), [](VZVirtualMachine* machine, void (^handler)(NSError*)) {
      [machine startWithCompletionHandler:handler];
    });
  }

  void pause(Completion done) override {
    call("pause", std::move(done), [](VZVirtualMachine* machine, void (^handler)(NSError*)) {
      [machine pauseWithCompletionHandler:handler];
    });
  }

  void resume(Completion done) override {
    call("resume", std::move(done), [](VZVirtualMachine* machine, void (^handler)(NSError*)) {
      [machine resumeWithCompletionHandler:handler];
    });
  }

  void stop(Completion done) override {
    call("stop", std::move(done), [](VZVirtualMachine* machine, void (^handler)(NSError*)) {
      const VZVirtualMachineState state = [machine state];
      if (state == VZVirtualMachineStateStopped || state == VZVirtualMachineStateError) {
        handler(nil);
      } else {
        [machine stopWithCompletionHandler:handler];
      }
    });
  }

  void request_stop(Completion done) override {
    call("request stop", std::move(done), [](VZVirtualMachine* machine, void (^handler)(NSError*)) {
      NSError* error = nil;
      handler([machine requestStopWithError:&error] ? nil : error);
    });
  }

  void set_memory_target(ByteSize target, Completion done) override {
    const auto bytes = target.bytes();
    call("balloon", std::move(done), [bytes](VZVirtualMachine* machine, void (^handler)(NSError*)) {
      id const balloon = [[machine memoryBalloonDevices] firstObject];
      [(VZVirtioTraditionalMemoryBalloonDevice*)balloon setTargetVirtualMachineMemorySize:bytes];
      handler(nil);
    });
  }

  void connect(std::uint32_t port, ConnectCompletion done) override {
    const auto core = core_;
    const auto queue = queue_;
    queue_.async(^{
      void (^const handler)(VZVirtioSocketConnection*, NSError*) =
          ^(VZVirtioSocketConnection* connection, NSError* error) {
            if (connection == nil) {
              const Error refused = to_error(error, "nobody in the guest answers");
              return done(Error(Errc::unavailable, refused.what(), refused.native()));
            }
            auto kept = keep(queue, connection);
            if (!kept) return done(Error(Errc::resource_exhausted, "no more open files"));
            done(std::move(kept));
          };
      const auto thrown = guarded("vsock", [&] {
        id const device = [[core->machine.get() socketDevices] firstObject];
        [(VZVirtioSocketDevice*)device connectToPort:port completionHandler:handler];
      });
      if (thrown) done(*thrown);
    });
  }

 private:
  /// One call of the machine's, on its queue, that answers through a completion handler. The
  /// handler is made outside of the lambda, where what it captures is its own: a block in a lambda
  /// would have references, which do not last until it is called.
  template <class Function>
  void call(const char* what, Completion done, Function function) {
    const auto core = core_;
    queue_.async(^{
      void (^const handler)(NSError*) = ^(NSError* error) {
        done(error == nil ? std::nullopt : std::optional(to_error(error, what)));
      };
      const auto thrown = guarded(what, [&] { function(core->machine.get(), handler); });
      if (thrown) done(*thrown);
    });
  }

  const Queue queue_;
  const std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<VirtualMachine> make_virtual_machine(
    const Queue& queue, const Retained<VZVirtualMachineConfiguration>& configuration,
    MachineListener listener) {
  // The last owner may be any thread; the objects end on their queue all the same.
  const auto released = listener.released;
  const std::shared_ptr<Core> core(new Core, [queue, released](Core* last) {
    queue.async(^{
      [last->machine.get() setDelegate:nil];
      delete last;
      released();
    });
  });
  core->delegate = adopt([[VmkitVzDelegate alloc] initWithListener:listener]);
  core->machine = adopt([[VZVirtualMachine alloc] initWithConfiguration:configuration.get()
                                                                  queue:queue.get()]);
  [core->machine.get() setDelegate:core->delegate.get()];
  for (VZConsoleDevice* device in [core->machine.get() consoleDevices]) {
    [(VZVirtioConsoleDevice*)device setDelegate:core->delegate.get()];
  }
  return std::make_unique<AppleMachine>(queue, core);
}

}  // namespace vmkit::vm::vz
