// SPDX-License-Identifier: Apache-2.0
// The machine of virtualization.api with its devices, and the guest in it that the test plays: what
// the classes keep is made by make_headers.py, what they do is here, as Apple documents it.
#include "fake_vz/fake_vz.hpp"

#import <Virtualization/Virtualization.h>
#include <cerrno>
#include <fcntl.h>
#include <future>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "fake_vz/fake_configuration.hpp"
#include "fake_vz/fake_dispatch.hpp"
#include "vm/vz/apple_framework.hpp"

@interface VZVirtualMachine (Fake)
- (void)fakeEnd;
- (void)fakeEnter:(VZVirtualMachineState)state;
@end

using fake_vz::Guest;
using fake_vz::lock_image;
using fake_vz::make_error;
using fake_vz::Refusal;
using fake_vz::refuse;
using fake_vz::vz_error;
using fake_vz::World;

NSString* const VZErrorDomain = @"VZErrorDomain";

/// What every object that belongs to a running machine knows.
struct FakeObject {
  explicit FakeObject(dispatch_queue_t its) : queue(its) {}
  virtual ~FakeObject() = default;

  dispatch_queue_t queue;
  int fd = -1;  // of a connection
};

struct Guest::Machine {
  VZVirtualMachine* object;  // which owns this
  dispatch_queue_t queue;
};

namespace fake_vz {

NSError* make_error(const Refusal& why) {
  NSString* const text = [NSString stringWithUTF8String:why.text.c_str()];
  NSDictionary* const info = [NSDictionary dictionaryWithObject:text
                                                         forKey:NSLocalizedDescriptionKey];
  return [NSError errorWithDomain:[NSString stringWithUTF8String:why.domain.c_str()]
                             code:why.code
                         userInfo:info];
}

NSError* vz_error(long code, const char* text) {
  return make_error({"VZErrorDomain", code, text});
}

BOOL refuse(NSError** error, NSError* why) {
  if (error != nullptr) *error = why;
  return NO;
}

}  // namespace fake_vz

namespace {

std::mutex mutex;
World the_world;
std::vector<std::shared_ptr<Guest>> all_guests;
std::string configuration_text;
VZVirtualMachine* last_machine = nil;
std::atomic<int> living{0};

void off_queue(id object) {
  fprintf(stderr, "fake_vz: %s was touched off its machine's queue\n", object_getClassName(object));
  abort();
}

void fake_vz_touch(id object, void* fake) {
  if (fake == nullptr) return;
  if (static_cast<FakeObject*>(fake)->queue != fake_vz::current_queue()) off_queue(object);
}

void fake_vz_did_alloc() {
  ++living;
}

void fake_vz_will_dealloc(id object, void* fake) {
  --living;
  if (fake == nullptr) return;
  fake_vz_touch(object, fake);
  if ([object isKindOfClass:[VZVirtualMachine class]]) [object fakeEnd];
  auto* const mine = static_cast<FakeObject*>(fake);
  if (mine->fd >= 0) ::close(mine->fd);
  delete mine;
}

int duplicate(NSFileHandle* handle) {
  return handle == nil ? -1 : ::fcntl([handle fileDescriptor], F_DUPFD_CLOEXEC, 0);
}

}  // namespace

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wincomplete-implementation"
#pragma clang diagnostic ignored "-Wobjc-property-implementation"
#include "fake_classes.h"
#pragma clang diagnostic pop

namespace {

/// The fake's part of a machine.
struct Innards : FakeObject {
  using FakeObject::FakeObject;

  std::shared_ptr<Guest> guest;
  Guest::Machine machine;
  VZVirtualMachineConfiguration* configuration = nil;
  std::vector<int> images;
  std::map<unsigned, VZVirtioSocketListener*> listeners;
  std::map<id, int> plugged;  // devices, with the locks of their images
};

Innards* innards(VZVirtualMachine* object) {
  return static_cast<Innards*>(object->_fake);
}

template <class Device>
Device* on_queue(Device* device, dispatch_queue_t queue) {
  device->_fake = new FakeObject(queue);
  return [device autorelease];
}

}  // namespace

@implementation VZVirtualMachine (Fake)
+ (BOOL)isSupported {
  return the_world.supported;
}

- (instancetype)initWithConfiguration:(VZVirtualMachineConfiguration*)configuration
                                queue:(dispatch_queue_t)queue {
  self = [super init];
  if (![configuration validateWithError:nullptr]) abort();  // a breach of the contract
  auto* const mine = new Innards(queue);
  mine->guest = std::make_shared<Guest>();
  mine->machine = {self, queue};
  mine->guest->machine = &mine->machine;
  mine->configuration = [configuration retain];
  dispatch_retain(queue);
  _fake = mine;
  _queue = queue;
  [self fakeEnter:VZVirtualMachineStateStopped];
  NSMutableArray* const consoles = [NSMutableArray array];
  for (id unused in configuration.consoleDevices) {
    (void)unused;
    [consoles addObject:on_queue([[VZVirtioConsoleDevice alloc] init], queue)];
  }
  NSMutableArray* const networks = [NSMutableArray array];
  for (id unused in configuration.networkDevices) {
    (void)unused;
    [networks addObject:on_queue([[VZNetworkDevice alloc] init], queue)];
  }
  NSMutableArray* const balloons = [NSMutableArray array];
  if ([configuration.memoryBalloonDevices count] > 0) {
    auto* const balloon = on_queue([[VZVirtioTraditionalMemoryBalloonDevice alloc] init], queue);
    balloon->_targetVirtualMachineMemorySize = configuration.memorySize;
    [balloons addObject:balloon];
  }
  NSMutableArray* const sockets = [NSMutableArray array];
  if ([configuration.socketDevices count] > 0) {
    [sockets addObject:on_queue([[VZVirtioSocketDevice alloc] init], queue)];
  }
  NSMutableArray* const shares = [NSMutableArray array];
  for (VZVirtioFileSystemDeviceConfiguration* share in configuration.directorySharingDevices) {
    auto* const device = on_queue([[VZVirtioFileSystemDevice alloc] init], queue);
    device->_tag = [share.tag copy];
    device->_share = [share.share retain];
    [shares addObject:device];
  }
  NSMutableArray* const controllers = [NSMutableArray array];
  for (id unused in configuration.usbControllers) {
    (void)unused;
    [controllers addObject:on_queue([[VZUSBController alloc] init], queue)];
  }
  _directorySharingDevices = [shares copy];
  _usbControllers = [controllers copy];
  _consoleDevices = [consoles copy];
  _networkDevices = [networks copy];
  _memoryBalloonDevices = [balloons copy];
  _socketDevices = [sockets copy];
  std::lock_guard lock(mutex);
  last_machine = self;
  all_guests.push_back(mine->guest);
  configuration_text = [configuration fakeText];
  return self;
}

- (void)fakeEnter:(VZVirtualMachineState)state {
  _state = state;
  const bool running = state == VZVirtualMachineStateRunning;
  const bool paused = state == VZVirtualMachineStatePaused;
  _canStart = state == VZVirtualMachineStateStopped || state == VZVirtualMachineStateError;
  _canPause = _canRequestStop = running;
  _canResume = paused;
  _canStop = running || paused;
  Guest& guest = *innards(self)->guest;
  guest.running_ = running || paused;
  guest.paused_ = paused;
  if (_canStart) {
    guest.end();
    for (const int image : innards(self)->images) ::close(image);
    innards(self)->images.clear();
    [self fakeUnplugAll];
  }
}

- (void)fakeUnplugAll {
  for (const auto& [device, image] : innards(self)->plugged) {
    if (image >= 0) ::close(image);
    [device release];
  }
  innards(self)->plugged.clear();
}

/// The machine's object goes.
- (void)fakeEnd {
  Innards* const mine = innards(self);
  {
    std::lock_guard lock(mine->guest->mutex);
    mine->guest->machine = nullptr;
  }
  mine->guest->end();
  for (const int image : mine->images) ::close(image);
  [self fakeUnplugAll];
  for (const auto& [port, listener] : mine->listeners) [listener release];
  [mine->configuration release];
  dispatch_release(mine->queue);
  std::lock_guard lock(mutex);
  if (last_machine == self) last_machine = nil;
  mine->guest.reset();
}

/// Answers later, on the queue: with the refusal, or in the new state.
- (void)fakeFrom:(std::initializer_list<VZVirtualMachineState>)from
         through:(VZVirtualMachineState)through
              to:(VZVirtualMachineState)to
         refusal:(const Refusal&)refusal
           hangs:(std::atomic<bool>*)hangs
         handler:(void (^)(NSError*))handler {
  fake_vz_touch(self, _fake);
  const VZVirtualMachineState before = _state;
  bool fits = false;
  for (const VZVirtualMachineState state : from) fits |= state == before;
  NSError* error = nil;
  if (!fits) {
    error = vz_error(VZErrorInvalidVirtualMachineStateTransition, "Invalid state transition.");
  } else if (refusal.code != 0) {
    error = make_error(refusal);
  }
  if (fits) [self fakeEnter:through];
  [self fakeAnswer:handler error:error back:before to:to fits:fits hangs:hangs];
}

- (void)fakeAnswer:(void (^)(NSError*))handler
             error:(NSError*)error
              back:(VZVirtualMachineState)before
                to:(VZVirtualMachineState)to
              fits:(bool)fits
             hangs:(std::atomic<bool>*)hangs {
  const auto delay = the_world.delay;
  fake_vz::dispatch_later(innards(self)->queue, delay, ^{
    if (hangs != nullptr && *hangs) {
      [self fakeAnswer:handler error:error back:before to:to fits:fits hangs:hangs];
      return;
    }
    if (fits) [self fakeEnter:error == nil ? to : before];
    const bool boots = error == nil && before == VZVirtualMachineStateStopped;
    if (boots) [self fakeBoot];
    handler(error);
  });
}

- (void)fakeBoot {
  Innards* const mine = innards(self);
  Guest& guest = *mine->guest;
  {
    std::lock_guard lock(guest.mutex);
    for (VZSerialPortConfiguration* port in mine->configuration.serialPorts) {
      guest.console_fd =
          duplicate(((VZFileHandleSerialPortAttachment*)port.attachment).fileHandleForWriting);
    }
    for (VZVirtioConsoleDeviceConfiguration* device in mine->configuration.consoleDevices) {
      for (NSUInteger i = 0; i < device.ports.maximumPortCount; ++i) {
        auto* const attachment =
            (VZFileHandleSerialPortAttachment*)[device.ports objectAtIndexedSubscript:i].attachment;
        if ([attachment isKindOfClass:[VZFileHandleSerialPortAttachment class]]) {
          guest.port_fds.push_back(duplicate(attachment.fileHandleForReading));
        }
      }
    }
  }
  if (the_world.boot) std::thread(the_world.boot, mine->guest).detach();
}

- (void)startWithCompletionHandler:(void (^)(NSError*))handler {
  if (the_world.start_throws) {
    [NSException raise:NSInternalInconsistencyException format:@"thrown by a test"];
  }
  Refusal refusal = the_world.start;
  [self fakeLockImages:refusal];
  [self fakeFrom:{VZVirtualMachineStateStopped, VZVirtualMachineStateError}
         through:VZVirtualMachineStateStarting
              to:VZVirtualMachineStateRunning
         refusal:refusal
           hangs:&the_world.start_hangs
         handler:handler];
}

- (void)fakeLockImages:(Refusal&)refusal {
  Innards* const mine = innards(self);
  for (VZStorageDeviceConfiguration* device in mine->configuration.storageDevices) {
    VZDiskImageStorageDeviceAttachment* const image = fake_vz::image_of(device);
    if (image == nil) continue;
    int fd = -1;
    if (lock_image(image.URL, image.readOnly, fd)) {
      mine->images.push_back(fd);
    } else {
      refusal = {"VZErrorDomain", 2, "The storage device attachment is invalid."};
    }
  }
}

- (void)saveMachineStateToURL:(NSURL*)url completionHandler:(void (^)(NSError*))handler {
  Refusal refusal = the_world.save;
  if (_state == VZVirtualMachineStatePaused && refusal.code == 0) {
    const int fd = ::open([[url path] UTF8String], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    const std::string text = [self fakeIdentity];
    if (fd < 0 || ::write(fd, text.data(), text.size()) < 0) {
      refusal = {"VZErrorDomain", 11, "The state could not be saved."};
    }
    ::close(fd);
  }
  [self fakeFrom:{VZVirtualMachineStatePaused}
         through:VZVirtualMachineStateSaving
              to:VZVirtualMachineStatePaused
         refusal:refusal
           hangs:&the_world.save_hangs
         handler:handler];
}

- (void)restoreMachineStateFromURL:(NSURL*)url completionHandler:(void (^)(NSError*))handler {
  Refusal refusal = the_world.restore;
  NSString* const state = [NSString stringWithContentsOfFile:[url path]
                                                    encoding:NSUTF8StringEncoding
                                                       error:nullptr];
  if (refusal.code == 0 && (state == nil || [state UTF8String] != [self fakeIdentity])) {
    refusal = {"VZErrorDomain", 12, "Invalid argument."};
  }
  [self fakeLockImages:refusal];
  [self fakeFrom:{VZVirtualMachineStateStopped}
         through:VZVirtualMachineStateRestoring
              to:VZVirtualMachineStatePaused
         refusal:refusal
           hangs:&the_world.start_hangs
         handler:handler];
}

/// What has to be the same when a state is restored: not the files.
- (std::string)fakeIdentity {
  VZVirtualMachineConfiguration* const made = innards(self)->configuration;
  auto* const platform = (VZGenericPlatformConfiguration*)made.platform;
  std::string text = "state of " + std::to_string(made.memorySize);
  text +=
      [[platform.machineIdentifier.dataRepresentation base64EncodedStringWithOptions:0] UTF8String];
  for (VZVirtioNetworkDeviceConfiguration* device in made.networkDevices) {
    text += [device.MACAddress.string UTF8String];
  }
  return text;
}

- (void)stopWithCompletionHandler:(void (^)(NSError*))handler {
  [self fakeFrom:{VZVirtualMachineStateRunning, VZVirtualMachineStatePaused}
         through:VZVirtualMachineStateStopping
              to:VZVirtualMachineStateStopped
         refusal:the_world.stop
           hangs:&the_world.stop_hangs
         handler:handler];
}

- (void)pauseWithCompletionHandler:(void (^)(NSError*))handler {
  [self fakeFrom:{VZVirtualMachineStateRunning}
         through:VZVirtualMachineStatePausing
              to:VZVirtualMachineStatePaused
         refusal:the_world.pause
           hangs:nullptr
         handler:handler];
}

- (void)resumeWithCompletionHandler:(void (^)(NSError*))handler {
  [self fakeFrom:{VZVirtualMachineStatePaused}
         through:VZVirtualMachineStateResuming
              to:VZVirtualMachineStateRunning
         refusal:the_world.resume
           hangs:nullptr
         handler:handler];
}

- (BOOL)requestStopWithError:(NSError**)error {
  fake_vz_touch(self, _fake);
  if (!_canRequestStop) {
    return refuse(error, vz_error(VZErrorInvalidVirtualMachineState, "The machine does not run."));
  }
  ++innards(self)->guest->presses_;
  return YES;
}
@end

@implementation VZVirtioSocketConnection (Fake)
- (void)close {
  fake_vz_touch(self, _fake);
  auto* const mine = static_cast<FakeObject*>(_fake);
  if (mine->fd >= 0) ::close(mine->fd);
  mine->fd = _fileDescriptor = -1;
}
@end

namespace {

/// The machine whose queue it is.
VZVirtualMachine* machine_of(dispatch_queue_t queue) {
  for (const auto& one : fake_vz::guests()) {
    std::lock_guard lock(one->mutex);
    if (one->machine != nullptr && one->machine->queue == queue) return one->machine->object;
  }
  return nil;
}

}  // namespace

@implementation VZUSBMassStorageDevice (Fake)
- (instancetype)initWithConfiguration:(VZUSBMassStorageDeviceConfiguration*)configuration {
  self = [super init];
  _configuration = [configuration retain];
  return self;
}
@end

@implementation VZUSBController (Fake)
- (void)attachDevice:(id)device completionHandler:(void (^)(NSError*))handler {
  [self fakeAnswer:handler
           refusal:the_world.attach
            change:^NSError*(Innards* machine) {
              if (machine->plugged.count(device) != 0) {
                return vz_error(VZErrorDeviceAlreadyAttached, "The device is attached already.");
              }
              int fd = -1;
              VZDiskImageStorageDeviceAttachment* const image =
                  fake_vz::image_of(((VZUSBMassStorageDevice*)device)->_configuration);
              if (image != nil && !lock_image(image.URL, image.readOnly, fd)) {
                return vz_error(VZErrorDeviceInitializationFailure,
                                "The device could not be initialized.");
              }
              machine->plugged[[device retain]] = fd;
              return nil;
            }];
}

- (void)detachDevice:(id)device completionHandler:(void (^)(NSError*))handler {
  [self fakeAnswer:handler
           refusal:the_world.detach
            change:^NSError*(Innards* machine) {
              const auto found = machine->plugged.find(device);
              if (found == machine->plugged.end()) {
                return vz_error(VZErrorDeviceNotFound, "The device was not found.");
              }
              if (found->second >= 0) ::close(found->second);
              machine->plugged.erase(found);
              [device release];
              return nil;
            }];
}

- (void)fakeAnswer:(void (^)(NSError*))handler
           refusal:(const Refusal&)refusal
            change:(NSError* (^)(Innards*))change {
  fake_vz_touch(self, _fake);
  dispatch_queue_t const queue = static_cast<FakeObject*>(_fake)->queue;
  NSError* error = refusal.code != 0 ? make_error(refusal) : nil;
  if (error == nil) error = change(innards(machine_of(queue)));
  [self fakeAnswer:handler error:error queue:queue];
}

- (void)fakeAnswer:(void (^)(NSError*))handler error:(NSError*)error queue:(dispatch_queue_t)queue {
  fake_vz::dispatch_later(queue, the_world.delay, ^{
    if (the_world.attach_hangs) {
      [self fakeAnswer:handler error:error queue:queue];
    } else {
      handler(error);
    }
  });
}
@end

@implementation VZVirtioSocketDevice (Fake)
- (void)setSocketListener:(VZVirtioSocketListener*)listener forPort:(uint32_t)port {
  fake_vz_touch(self, _fake);
  [self removeSocketListenerForPort:port];
  innards(machine_of(static_cast<FakeObject*>(_fake)->queue))->listeners[port] = [listener retain];
}

- (void)removeSocketListenerForPort:(uint32_t)port {
  fake_vz_touch(self, _fake);
  auto& listeners = innards(machine_of(static_cast<FakeObject*>(_fake)->queue))->listeners;
  if (listeners.count(port) == 0) return;
  [listeners[port] release];
  listeners.erase(port);
}

- (void)connectToPort:(uint32_t)port
    completionHandler:(void (^)(VZVirtioSocketConnection*, NSError*))handler {
  fake_vz_touch(self, _fake);
  dispatch_queue_t const queue = static_cast<FakeObject*>(_fake)->queue;
  std::shared_ptr<Guest> guest;
  for (const auto& one : fake_vz::guests()) {
    std::lock_guard lock(one->mutex);
    if (one->machine != nullptr && one->machine->queue == queue) guest = one;
  }
  int fds[2] = {-1, -1};
  if (guest) {
    std::lock_guard lock(guest->mutex);
    const auto listener = guest->accepted.find(port);
    if (listener != guest->accepted.end()) {
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) abort();
      ::fcntl(fds[1], F_SETFL, 0);
      listener->second.push_back(fds[1]);
    }
  }
  const int ours = fds[0];
  fake_vz::dispatch_later(queue, the_world.delay, ^{
    if (ours < 0) {
      handler(nil, make_error({"NSPOSIXErrorDomain", ECONNRESET, "Connection reset by peer"}));
      return;
    }
    auto* const connection = on_queue([[VZVirtioSocketConnection alloc] init], queue);
    static_cast<FakeObject*>(connection->_fake)->fd = ours;
    connection->_fileDescriptor = ours;
    handler(connection, nil);
  });
}
@end

/// What GNUstep allocates once and keeps; of our objects the fake knows how many are alive.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libobjc.so\nleak:libgnustep-base.so\n";
}

/// Inside of GNUstep and its runtime, which are not compiled for this.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions() {
  return "deadlock:libobjc.so\ndeadlock:libgnustep-base.so\nrace:libobjc.so\n"
         "race:libgnustep-base.so\n";
}

namespace fake_vz {

World& world() {
  return the_world;
}

void reset() {
  wait_until_idle();
  std::lock_guard lock(mutex);
  all_guests.clear();
  the_world.~World();
  new (&the_world) World;
}

std::vector<std::shared_ptr<Guest>> guests() {
  std::lock_guard lock(mutex);
  return all_guests;
}

int living_objects() {
  wait_until_idle();
  return living;
}

std::string last_configuration() {
  std::lock_guard lock(mutex);
  return configuration_text;
}

void touch_off_queue() {
  (void)[last_machine state];
}

Guest::~Guest() {
  end();
}

void Guest::end() {
  std::lock_guard lock(mutex);
  for (const int fd : port_fds) ::close(fd);
  port_fds.clear();
  if (console_fd >= 0) ::close(console_fd);
  console_fd = -1;
  for (const auto& [port, fds] : accepted) {
    for (const int fd : fds) ::close(fd);
  }
  accepted.clear();
}

void Guest::write_console(const std::string& text) {
  std::lock_guard lock(mutex);
  if (console_fd >= 0 && ::write(console_fd, text.data(), text.size()) < 0) abort();
}

int Guest::port(std::size_t index) {
  std::lock_guard lock(mutex);
  return port_fds.at(index);
}

void Guest::listen(unsigned port) {
  std::lock_guard lock(mutex);
  accepted[port];
}

int Guest::accept(unsigned port) {
  std::lock_guard lock(mutex);
  auto& fds = accepted.at(port);
  const int fd = fds.at(0);
  fds.erase(fds.begin());
  return fd;
}

namespace {

/// Has something done on the machine's queue, if the machine is there still by then.
void post(Guest& guest, void (^block)(VZVirtualMachine*)) {
  const auto kept = guest.shared_from_this();
  std::lock_guard lock(guest.mutex);
  if (guest.machine == nullptr) return;
  dispatch_async(guest.machine->queue, ^{
    Guest::Machine* machine;
    {
      std::lock_guard its_lock(kept->mutex);
      machine = kept->machine;
    }
    if (machine != nullptr) block(machine->object);  // which goes on this queue only
  });
}

}  // namespace

void Guest::power_off() {
  post(*this, ^(VZVirtualMachine* object) {
    if (object->_state == VZVirtualMachineStateStopped) return;
    [object fakeEnter:VZVirtualMachineStateStopped];
    [object->_delegate guestDidStopVirtualMachine:object];
  });
}

void Guest::break_down(const Refusal& why) {
  const Refusal reason = why;
  post(*this, ^(VZVirtualMachine* object) {
    [object fakeEnter:VZVirtualMachineStateError];
    [object->_delegate virtualMachine:object didStopWithError:make_error(reason)];
  });
}

void Guest::lose_network(std::size_t index) {
  post(*this, ^(VZVirtualMachine* object) {
    [object->_delegate virtualMachine:object
                             networkDevice:[object->_networkDevices objectAtIndex:index]
        attachmentWasDisconnectedWithError:vz_error(VZErrorNetworkError, "The network is gone.")];
  });
}

namespace {

/// What a block finds out; `otherwise` if it is never called, for the machine is gone.
template <class T>
class Answer {
 public:
  Answer(std::future<T>& future, T otherwise) : otherwise_(otherwise) {
    future = promise_.get_future();
  }
  ~Answer() { promise_.set_value(otherwise_); }
  void give(T value) { otherwise_ = value; }

 private:
  std::promise<T> promise_;
  T otherwise_;
};

template <class T>
T ask(Guest& guest, T otherwise, void (^block)(VZVirtualMachine*, Answer<T>&)) {
  std::future<T> future;
  {  // a block literal keeps what it captures until its scope ends
    const auto answer = std::make_shared<Answer<T>>(future, otherwise);
    post(guest, ^(VZVirtualMachine* object) {
      block(object, *answer);
    });
  }
  return future.get();
}

}  // namespace

void Guest::lose_disk(std::size_t index) {
  post(*this, ^(VZVirtualMachine* object) {
    VZStorageDeviceConfiguration* const device =
        [innards(object)->configuration.storageDevices objectAtIndex:index];
    auto* const server = (VZNetworkBlockDeviceStorageDeviceAttachment*)device.attachment;
    [server->_delegate attachment:server
                didEncounterError:vz_error(VZErrorNetworkError, "The server is gone.")];
  });
}

int Guest::connect(unsigned port) {
  return ask<int>(*this, -1, ^(VZVirtualMachine* object, Answer<int>& end) {
    const auto& listeners = innards(object)->listeners;
    const auto found = listeners.find(port);
    int fds[2] = {-1, -1};
    if (found == listeners.end()) return end.give(-1);
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) abort();
    ::fcntl(fds[1], F_SETFL, 0);
    auto* const device = (VZVirtioSocketDevice*)[object->_socketDevices firstObject];
    auto* const connection =
        on_queue([[VZVirtioSocketConnection alloc] init], innards(object)->queue);
    static_cast<FakeObject*>(connection->_fake)->fd = fds[0];
    connection->_fileDescriptor = fds[0];
    VZVirtioSocketListener* const listener = found->second;
    const bool taken = [listener->_delegate listener:listener
                           shouldAcceptNewConnection:connection
                                    fromSocketDevice:device];
    if (!taken) ::close(fds[1]);
    end.give(taken ? fds[1] : -1);
  });
}

std::string Guest::share(const std::string& tag) {
  return ask<std::string>(
      *this, std::string(), ^(VZVirtualMachine* object, Answer<std::string>& text) {
        for (VZVirtioFileSystemDevice* device in object->_directorySharingDevices) {
          if ([device.tag UTF8String] != tag) continue;
          VZSharedDirectory* const folder = ((VZSingleDirectoryShare*)device.share).directory;
          return text.give(std::string([[folder.URL path] UTF8String]) +
                           (folder.readOnly ? " YES" : " NO"));
        }
        text.give("");
      });
}

unsigned Guest::attached_disks() {
  return ask<unsigned>(*this, 0, ^(VZVirtualMachine* object, Answer<unsigned>& count) {
    count.give(static_cast<unsigned>(innards(object)->plugged.size()));
  });
}

void Guest::open_port() {
  post(*this, ^(VZVirtualMachine* object) {
    auto* const device = (VZVirtioConsoleDevice*)[object->_consoleDevices firstObject];
    id const port = [[[VZVirtioConsolePort alloc] init] autorelease];
    [device->_delegate consoleDevice:device didOpenPort:port];
  });
}

unsigned long long Guest::memory_target() {
  return ask<unsigned long long>(
      *this, 0, ^(VZVirtualMachine* object, Answer<unsigned long long>& target) {
        id const balloon = [object->_memoryBalloonDevices firstObject];
        target.give(
            [(VZVirtioTraditionalMemoryBalloonDevice*)balloon targetVirtualMachineMemorySize]);
      });
}

}  // namespace fake_vz

namespace vmkit::vm::vz {

MacVersion macos_version() {
  return {the_world.macos_major, the_world.macos_minor};
}

bool has_entitlement(const char* name) {
  return (the_world.entitled && std::string(name) == "com.apple.security.virtualization") ||
         (the_world.may_bridge && std::string(name) == "com.apple.vm.networking");
}

}  // namespace vmkit::vm::vz
