// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

class MuxStream;

/// Where connections are accepted or made, on the host or in the guest.
struct Endpoint {
  enum class Kind { tcp, udp, unix_socket };
  Kind kind = Kind::tcp;
  /// Numeric, IPv4 or IPv6; "localhost" is 127.0.0.1. No names are looked up.
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< To listen at: 0 picks a free one.
  /// Of a unix socket: in the guest absolute, and resolved in the container's root.
  std::string path = {};

  static Endpoint tcp(std::uint16_t port, std::string address = "127.0.0.1") {
    return {Kind::tcp, std::move(address), port, {}};
  }
  static Endpoint udp(std::uint16_t port, std::string address = "127.0.0.1") {
    return {Kind::udp, std::move(address), port, {}};
  }
  static Endpoint unix_socket(std::string path) { return {Kind::unix_socket, {}, 0, path}; }

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// "127.0.0.1:80", "[::1]:53/udp", "/run/socket".
std::string to_string(const Endpoint& endpoint);

/// Bounds of one forward.
struct ForwardOptions {
  /// Connections at once; others wait until one has ended. Of UDP: senders, others are not heard.
  std::size_t max_connections = 64;
  /// UDP only: how long a sender may be silent before its answers find no way back.
  std::chrono::milliseconds idle_limit = std::chrono::seconds(60);
  /// Of a unix socket that is made: by default 0600 on the host and 0666 in the guest.
  std::optional<std::uint16_t> permissions = {};
};

/// A place on the host that is taken for a forward before the guest is there: connections wait.
/// The destructor gives it back. Move-only.
class HostListener {
 public:
  /// Errors: already_exists (the port is taken, or there is a file at the path),
  /// permission_denied, invalid_argument (no address; none of this host).
  static HostListener open(const Endpoint& endpoint, const ForwardOptions& options = {});

  HostListener(HostListener&&) noexcept;
  HostListener& operator=(HostListener&&) noexcept;
  ~HostListener();

  /// With the port that was picked.
  const Endpoint& endpoint() const;

 private:
  friend class Client;
  struct Impl;
  explicit HostListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Passes connections on for as long as it lives. Each has its own flow control, and either half of
/// it ends when its own end does; a connection that the other side refuses is reset. Where a lost
/// session with the guest is taken up again, the forward goes on; its connections are reset.
///
/// All forwards of a Client share one thread. The destructor ends its connections; the Client may
/// go first. Move-only; thread-safe.
class Forward {
 public:
  Forward(Forward&&) noexcept;
  Forward& operator=(Forward&&) noexcept;
  ~Forward();

  /// Where it listens, with the port that was picked.
  const Endpoint& listening() const;
  const Endpoint& target() const;
  /// How many connections (UDP: senders) there are now.
  std::size_t connections() const;
  /// As the destructor. May be called again.
  void close() noexcept;

 private:
  friend class Client;
  struct Impl;
  explicit Forward(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A connection of the host's own to something in the guest. As every Stream: one thread reads
/// while another writes, close() from any; reset by its destructor unless both ends have finished.
class Connection final : public Stream {
 public:
  explicit Connection(std::unique_ptr<MuxStream> stream);
  ~Connection() override;

  std::size_t read(std::span<std::byte> buffer) override { return read(buffer, {}); }
  std::size_t read(std::span<std::byte> buffer, const CallOptions& options);
  void write(std::span<const std::byte> data) override { write(data, {}); }
  void write(std::span<const std::byte> data, const CallOptions& options);
  void close_write() override;
  void close() noexcept override;

 private:
  std::unique_ptr<MuxStream> stream_;
};

}  // namespace vmkit::agent
