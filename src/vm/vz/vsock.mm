// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/vsock.hpp"

#include <fcntl.h>
#include <utility>

#include "vm/vz/foundation.hpp"

namespace vmkit::vm::vz {
namespace {

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

/// What a delegate works with.
struct Acceptor {
  Queue queue;
  AcceptHandler accept;
};

}  // namespace
}  // namespace vmkit::vm::vz

@interface VmkitVsockDelegate : NSObject <VZVirtioSocketListenerDelegate> {
  vmkit::vm::vz::Acceptor* acceptor_;
}
- (instancetype)initWithAcceptor:(const vmkit::vm::vz::Acceptor&)acceptor;
@end

@implementation VmkitVsockDelegate

- (instancetype)initWithAcceptor:(const vmkit::vm::vz::Acceptor&)acceptor {
  self = [super init];
  if (self != nil) acceptor_ = new vmkit::vm::vz::Acceptor(acceptor);
  return self;
}

- (void)dealloc {
  delete acceptor_;
  [super dealloc];
}

- (BOOL)listener:(VZVirtioSocketListener*)listener
    shouldAcceptNewConnection:(VZVirtioSocketConnection*)connection
             fromSocketDevice:(VZVirtioSocketDevice*)socketDevice {
  auto kept = vmkit::vm::vz::keep(acceptor_->queue, connection);
  return kept && acceptor_->accept(std::move(kept)) ? YES : NO;
}

@end

namespace vmkit::vm::vz {

void connect_vsock(const Queue& queue, VZVirtioSocketDevice* device, std::uint32_t port,
                   const ConnectCompletion& done) {
  // Copies of its own: a block in here would have references.
  const Queue its_queue = queue;
  const ConnectCompletion its_done = done;
  [device connectToPort:port
      completionHandler:^(VZVirtioSocketConnection* connection, NSError* error) {
        if (connection == nil) {
          const Error refused = to_error(error, "nobody in the guest answers");
          return its_done(Error(Errc::unavailable, refused.what(), refused.native()));
        }
        auto kept = keep(its_queue, connection);
        if (!kept) return its_done(Error(Errc::resource_exhausted, "no more open files"));
        its_done(std::move(kept));
      }];
}

void VsockListeners::listen(const Queue& queue, VZVirtioSocketDevice* device, std::uint32_t port,
                            const AcceptHandler& accept) {
  Listener& listener = listeners_[port];
  listener.object = adopt([[VZVirtioSocketListener alloc] init]);
  const auto delegate = adopt([[VmkitVsockDelegate alloc] initWithAcceptor:{queue, accept}]);
  listener.delegate = Retained<NSObject>(delegate.get());
  [listener.object.get() setDelegate:delegate.get()];
  [device setSocketListener:listener.object.get() forPort:port];
}

void VsockListeners::stop(VZVirtioSocketDevice* device, std::uint32_t port) {
  [device removeSocketListenerForPort:port];
  listeners_.erase(port);
}

}  // namespace vmkit::vm::vz
