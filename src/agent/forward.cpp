// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "agent/endpoint_json.hpp"
#include "agent/forward_impl.hpp"
#include "agent/mux.hpp"
#include "os/network_socket.hpp"
#include "os/socket.hpp"

namespace vmkit::agent {
namespace {

const char* kind_name(Endpoint::Kind kind) {
  switch (kind) {
    case Endpoint::Kind::tcp:
      return "tcp";
    case Endpoint::Kind::udp:
      return "udp";
    case Endpoint::Kind::unix_socket:
      break;
  }
  return "unix";
}

}  // namespace

Json endpoint_json(const Endpoint& endpoint) {
  Json json{{"kind", kind_name(endpoint.kind)}};
  if (endpoint.kind == Endpoint::Kind::unix_socket) {
    json["path"] = endpoint.path;
  } else {
    json["address"] = endpoint.address;
    json["port"] = endpoint.port;
  }
  return json;
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.kind == Endpoint::Kind::unix_socket) return endpoint.path;
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" +
         std::to_string(endpoint.port) + (endpoint.kind == Endpoint::Kind::udp ? "/udp" : "");
}

HostListener::HostListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HostListener::HostListener(HostListener&&) noexcept = default;
HostListener& HostListener::operator=(HostListener&&) noexcept = default;
HostListener::~HostListener() = default;

HostListener HostListener::open(const Endpoint& endpoint, const ForwardOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->endpoint = endpoint;
  impl->options = options;
  if (endpoint.kind == Endpoint::Kind::unix_socket) {
    impl->socket = os::listen_unix(endpoint.path);
    impl->path = endpoint.path;
    os::set_nonblocking(impl->socket.get());
    if (options.permissions) ::chmod(endpoint.path.c_str(), *options.permissions);
  } else {
    impl->socket = os::listen_at(
        os::SocketAddress(endpoint.address, endpoint.port),
        endpoint.kind == Endpoint::Kind::udp ? os::SocketKind::datagram : os::SocketKind::stream);
    impl->endpoint.port = os::local_address(impl->socket.get()).port();
  }
  return HostListener(std::move(impl));
}

HostListener::Impl::~Impl() {
  if (!path.empty()) ::unlink(path.c_str());
}

const Endpoint& HostListener::endpoint() const {
  return impl_->endpoint;
}

Forward::Forward(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Forward::Forward(Forward&&) noexcept = default;
Forward& Forward::operator=(Forward&& other) noexcept {
  if (this != &other) {
    close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}
Forward::~Forward() {
  close();
}

const Endpoint& Forward::listening() const {
  return impl_->listening;
}

const Endpoint& Forward::target() const {
  return impl_->target;
}

std::size_t Forward::connections() const {
  return impl_->loop->connections(impl_->number);
}

void Forward::close() noexcept {
  if (impl_) impl_->loop->remove(impl_->number);
}

Connection::Connection(std::unique_ptr<MuxStream> stream) : stream_(std::move(stream)) {}
Connection::~Connection() = default;

std::size_t Connection::read(std::span<std::byte> buffer, const CallOptions& options) {
  return stream_->read(buffer, options);
}

void Connection::write(std::span<const std::byte> data, const CallOptions& options) {
  stream_->write(data, options);
}

void Connection::close_write() {
  stream_->close_write();
}

void Connection::close() noexcept {
  stream_->close();
}

}  // namespace vmkit::agent
