// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/virtual_machine.hpp"

#include <map>
#include <utility>

#include "vm/vz/devices.hpp"
#include "vm/vz/foundation.hpp"
#include "vm/vz/vsock.hpp"

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

/// What must be touched, and let go, on the queue only.
struct Core {
  Configuration configuration;
  Retained<VZVirtualMachine> machine;
  Retained<VmkitVzDelegate> delegate;  // the framework has it weakly
  VsockListeners listeners;
  std::map<std::string, Retained<NSObject>> disks;  // those that were plugged in

  VZVirtioSocketDevice* vsock() const {
    return (VZVirtioSocketDevice*)[[machine.get() socketDevices] firstObject];
  }
};

NSError* not_supported(const char* text) {
  NSDictionary* const info = [NSDictionary dictionaryWithObject:to_ns(text)
                                                         forKey:NSLocalizedDescriptionKey];
  return [NSError errorWithDomain:VZErrorDomain code:VZErrorNotSupported userInfo:info];
}

#if defined(__arm64__)
void save_state(Core& core, NSURL* url, void (^handler)(NSError*)) {
  if (@available(macOS 14.0, *)) {
    NSError* error = nil;
    if ([core.configuration.object.get() validateSaveRestoreSupportWithError:&error]) {
      [core.machine.get() saveMachineStateToURL:url completionHandler:handler];
    } else {
      handler(error);
    }
  } else {
    handler(not_supported("it needs macOS 14"));
  }
}

void restore_state(Core& core, NSURL* url, void (^handler)(NSError*)) {
  if (@available(macOS 14.0, *)) {
    [core.machine.get() restoreMachineStateFromURL:url completionHandler:handler];
  } else {
    handler(not_supported("it needs macOS 14"));
  }
}
#else
void save_state(Core&, NSURL*, void (^handler)(NSError*)) {
  handler(not_supported("it needs Apple silicon"));
}

void restore_state(Core&, NSURL*, void (^handler)(NSError*)) {
  handler(not_supported("it needs Apple silicon"));
}
#endif

std::optional<Error> change_share(VZVirtualMachine* machine, const PlannedShare& share) {
  const auto made = make_share(share);
  if (!made) return made.error();
  NSString* const tag = to_ns(share.tag);
  for (VZDirectorySharingDevice* any in [machine directorySharingDevices]) {
    VZVirtioFileSystemDevice* const device = (VZVirtioFileSystemDevice*)any;
    if (![[device tag] isEqualToString:tag]) continue;
    [device setShare:made.value().get()];
    return std::nullopt;
  }
  return Error(Errc::not_found, "the machine has no share " + share.tag);
}

/// Nothing: the handler will be called.
std::optional<Error> plug_in(Core& core, const std::string& name, const PlannedDisk& disk,
                             void (^handler)(NSError*)) {
  if (@available(macOS 15.0, *)) {
    const auto made = make_disk(disk);
    if (!made) return made.error();
    const auto device = adopt([[VZUSBMassStorageDevice alloc]
        initWithConfiguration:(VZUSBMassStorageDeviceConfiguration*)made.value().get()]);
    core.disks[name] = Retained<NSObject>(device.get());
    VZUSBController* const controller = [[core.machine.get() usbControllers] firstObject];
    [controller attachDevice:device.get() completionHandler:handler];
    return std::nullopt;
  }
  return Error(Errc::unsupported, "it needs macOS 15");
}

void pull_out(Core& core, const std::string& name, void (^handler)(NSError*)) {
  if (@available(macOS 15.0, *)) {
    VZUSBController* const controller = [[core.machine.get() usbControllers] firstObject];
    [controller detachDevice:(VZUSBMassStorageDevice*)core.disks[name].get()
           completionHandler:handler];
  } else {
    handler(not_supported("it needs macOS 15"));
  }
}

/// Has the delegate told when a disk's server is lost for good.
void watch_servers(const Core& core) {
  if (@available(macOS 14.0, *)) {
    for (VZStorageDeviceConfiguration* device in [core.configuration.object.get() storageDevices]) {
      id const attachment = [device attachment];
      if ([attachment isKindOfClass:[VZNetworkBlockDeviceStorageDeviceAttachment class]]) {
        [(VZNetworkBlockDeviceStorageDeviceAttachment*)attachment
            setDelegate:(id<VZNetworkBlockDeviceStorageDeviceAttachmentDelegate>)
                            core.delegate.get()];
      }
    }
  }
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
      const auto thrown =
          guarded("vsock", [&] { connect_vsock(queue, core->vsock(), port, done); });
      if (thrown) done(*thrown);
    });
  }

  void listen(std::uint32_t port, AcceptHandler accept, Completion done) override {
    const auto core = core_;
    const auto queue = queue_;
    queue_.async(^{
      done(guarded("vsock", [&] { core->listeners.listen(queue, core->vsock(), port, accept); }));
    });
  }

  void stop_listening(std::uint32_t port) override {
    const auto core = core_;
    queue_.async(^{
      core->listeners.stop(core->vsock(), port);
    });
  }

  void save(const std::filesystem::path& file, Completion done) override {
    move_state(
        "save", file, std::move(done),
        [](Core& core, NSURL* url, void (^handler)(NSError*)) { save_state(core, url, handler); });
  }

  void restore(const std::filesystem::path& file, Completion done) override {
    move_state("restore", file, std::move(done),
               [](Core& core, NSURL* url, void (^handler)(NSError*)) {
                 restore_state(core, url, handler);
               });
  }

  void set_share(const PlannedShare& share, Completion done) override {
    const auto core = core_;
    const PlannedShare its_share = share;
    queue_.async(^{
      std::optional<Error> failure;
      const auto thrown =
          guarded("share", [&] { failure = change_share(core->machine.get(), its_share); });
      done(failure ? failure : thrown);
    });
  }

  void attach_disk(const std::string& name, const PlannedDisk& disk, Completion done) override {
    const auto core = core_;
    const std::string its_name = name;
    const PlannedDisk its_disk = disk;
    queue_.async(^{
      void (^const handler)(NSError*) = ^(NSError* error) {
        if (error != nil) core->disks.erase(its_name);
        done(error == nil ? std::nullopt : std::optional(to_error(error, "attach")));
      };
      std::optional<Error> failure;
      const auto thrown =
          guarded("attach", [&] { failure = plug_in(*core, its_name, its_disk, handler); });
      if (failure || thrown) done(failure ? failure : thrown);
    });
  }

  void detach_disk(const std::string& name, Completion done) override {
    const auto core = core_;
    const std::string its_name = name;
    queue_.async(^{
      void (^const handler)(NSError*) = ^(NSError* error) {
        if (error == nil) core->disks.erase(its_name);
        done(error == nil ? std::nullopt : std::optional(to_error(error, "detach")));
      };
      const auto thrown = guarded("detach", [&] { pull_out(*core, its_name, handler); });
      if (thrown) done(thrown);
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

  /// A call whose answer comes through a completion handler, about a file with the machine's state.
  template <class Function>
  void move_state(const char* what, const std::filesystem::path& file, Completion done,
                  Function function) {
    const auto core = core_;
    const std::filesystem::path its_file = file;
    queue_.async(^{
      void (^const handler)(NSError*) = ^(NSError* error) {
        done(error == nil ? std::nullopt : std::optional(to_error(error, what)));
      };
      NSURL* const url = to_url(its_file);
      if (url == nil) return done(not_utf8(what));
      const auto thrown = guarded(what, [&] { function(*core, url, handler); });
      if (thrown) done(*thrown);
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
  core->delegate = adopt([[VmkitVzDelegate alloc] initWithListener:listener]);
  core->machine = adopt([[VZVirtualMachine alloc] initWithConfiguration:configuration.object.get()
                                                                  queue:queue.get()]);
  [core->machine.get() setDelegate:core->delegate.get()];
  for (VZConsoleDevice* device in [core->machine.get() consoleDevices]) {
    [(VZVirtioConsoleDevice*)device setDelegate:core->delegate.get()];
  }
  watch_servers(*core);
  return std::make_unique<AppleMachine>(queue, core);
}

}  // namespace vmkit::vm::vz
