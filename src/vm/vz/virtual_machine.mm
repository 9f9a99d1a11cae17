// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/virtual_machine.hpp"

#include <utility>

#include "vm/vz/foundation.hpp"
#include "vm/vz/machine_core.hpp"

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
  listener_->device_lost(vmkit::vm::vz::to_error(error, "networks[" + std::to_string(index) + "]"));
}

- (void)attachment:(VZNetworkBlockDeviceStorageDeviceAttachment*)attachment
    didEncounterError:(NSError*)error __attribute__((availability(macos, introduced = 14.0))) {
  const std::string server = vmkit::vm::vz::to_string([[attachment URL] absoluteString]);
  listener_->device_lost(vmkit::vm::vz::to_error(error, "disk " + server));
}

- (void)consoleDevice:(VZVirtioConsoleDevice*)consoleDevice
          didOpenPort:(VZVirtioConsolePort*)consolePort {
  listener_->port_opened();
}

@end

namespace vmkit::vm::vz {
namespace {

/// Has the delegate told when a disk's server is lost for good.
void watch_servers(const Configuration& configuration, id delegate) {
  if (@available(macOS 14.0, *)) {
    for (VZStorageDeviceConfiguration* device in [configuration.object.get() storageDevices]) {
      id const attachment = [device attachment];
      if ([attachment isKindOfClass:[VZNetworkBlockDeviceStorageDeviceAttachment class]]) {
        [(VZNetworkBlockDeviceStorageDeviceAttachment*)attachment setDelegate:delegate];
      }
    }
  }
}

class AppleMachine final : public VirtualMachine {
 public:
  AppleMachine(const Queue& queue, std::shared_ptr<Core> core)
      : queue_(queue), core_(std::move(core)) {}

  void start(Completion done) override {
    call("start", std::move(done), [](Core& core, Handler handler) {
      [core.machine.get() startWithCompletionHandler:handler];
      return answers_later;
    });
  }

  void pause(Completion done) override {
    call("pause", std::move(done), [](Core& core, Handler handler) {
      [core.machine.get() pauseWithCompletionHandler:handler];
      return answers_later;
    });
  }

  void resume(Completion done) override {
    call("resume", std::move(done), [](Core& core, Handler handler) {
      [core.machine.get() resumeWithCompletionHandler:handler];
      return answers_later;
    });
  }

  void stop(Completion done) override {
    call("stop", std::move(done), [](Core& core, Handler handler) {
      const VZVirtualMachineState state = [core.machine.get() state];
      if (state == VZVirtualMachineStateStopped || state == VZVirtualMachineStateError) {
        handler(nil);
      } else {
        [core.machine.get() stopWithCompletionHandler:handler];
      }
      return answers_later;
    });
  }

  void request_stop(Completion done) override {
    call("request stop", std::move(done), [](Core& core, Handler handler) {
      NSError* error = nil;
      handler([core.machine.get() requestStopWithError:&error] ? nil : error);
      return answers_later;
    });
  }

  void set_memory_target(ByteSize target, Completion done) override {
    const auto bytes = target.bytes();
    call("balloon", std::move(done), [bytes](Core& core, Handler handler) {
      id const balloon = [[core.machine.get() memoryBalloonDevices] firstObject];
      [(VZVirtioTraditionalMemoryBalloonDevice*)balloon setTargetVirtualMachineMemorySize:bytes];
      handler(nil);
      return answers_later;
    });
  }

  void connect(std::uint32_t port, ConnectCompletion done) override {
    const auto core = core_;
    const auto queue = queue_;
    queue_.async(^{
      const auto thrown =
          guarded("vsock", [&] { connect_vsock(queue, core->vsock(), port, done); });
      if (thrown) done(*thrown);
    });
  }

  void listen(std::uint32_t port, AcceptHandler accept, Completion done) override {
    call("vsock", std::move(done), [=, queue = queue_](Core& core, Handler handler) {
      core.listeners.listen(queue, core.vsock(), port, accept);
      handler(nil);
      return answers_later;
    });
  }

  void stop_listening(std::uint32_t port) override {
    const auto core = core_;
    queue_.async(^{
      core->listeners.stop(core->vsock(), port);
    });
  }

  void save(const std::filesystem::path& file, Completion done) override {
    call("save", std::move(done),
         [file](Core& core, Handler handler) { return save_state(core, file, handler); });
  }

  void restore(const std::filesystem::path& file, Completion done) override {
    call("restore", std::move(done),
         [file](Core& core, Handler handler) { return restore_state(core, file, handler); });
  }

  void set_share(const PlannedShare& share, Completion done) override {
    call("share", std::move(done), [share](Core& core, Handler handler) {
      auto failure = change_share(core, share);
      if (!failure) handler(nil);
      return failure;
    });
  }

  void attach_disk(const std::string& name, const PlannedDisk& disk, Completion done) override {
    const std::weak_ptr<Core> core = core_;  // an answer may never come
    const auto ended = [=](const std::optional<Error>& error) {
      if (const auto alive = core.lock(); alive && error) alive->disks.erase(name);
      done(error);
    };
    call("attach", ended,
         [=](Core& its_core, Handler handler) { return plug_in(its_core, name, disk, handler); });
  }

  void detach_disk(const std::string& name, Completion done) override {
    const std::weak_ptr<Core> core = core_;
    const auto ended = [=](const std::optional<Error>& error) {
      if (const auto alive = core.lock(); alive && !error) alive->disks.erase(name);
      done(error);
    };
    call("detach", ended,
         [=](Core& its_core, Handler handler) { return pull_out(its_core, name, handler); });
  }

 private:
  static constexpr std::nullopt_t answers_later = std::nullopt;

  /// Has something asked of the machine, on its queue: `function` returns an error, or calls the
  /// handler, now or later. The handler is made outside of it, where what it captures is its own: a
  /// block in a lambda would have references, which do not last until it is called.
  template <class Function>
  void call(const char* what, Completion done, Function function) {
    const auto core = core_;
    queue_.async(^{
      void (^const handler)(NSError*) = ^(NSError* error) {
        done(error == nil ? std::nullopt : std::optional(to_error(error, what)));
      };
      std::optional<Error> failure;
      const auto thrown = guarded(what, [&] { failure = function(*core, handler); });
      if (failure || thrown) done(failure ? failure : thrown);
    });
  }

  const Queue queue_;
  const std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<VirtualMachine> make_virtual_machine(const Queue& queue,
                                                     const Configuration& configuration,
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
  core->configuration = configuration;
  const auto delegate = adopt([[VmkitVzDelegate alloc] initWithListener:listener]);
  core->delegate = Retained<NSObject>(delegate.get());
  core->machine = adopt([[VZVirtualMachine alloc] initWithConfiguration:configuration.object.get()
                                                                  queue:queue.get()]);
  [core->machine.get() setDelegate:delegate.get()];
  for (VZConsoleDevice* device in [core->machine.get() consoleDevices]) {
    [(VZVirtioConsoleDevice*)device setDelegate:delegate.get()];
  }
  watch_servers(configuration, delegate.get());
  return std::make_unique<AppleMachine>(queue, core);
}

}  // namespace vmkit::vm::vz
