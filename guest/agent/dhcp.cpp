// SPDX-License-Identifier: Apache-2.0
#include "dhcp.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "console.hpp"
#include "rpc_error.hpp"

namespace vmkit::guest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t client_port = 68, server_port = 67;
constexpr auto first_pause = milliseconds(500);  // the server is on this machine's host
constexpr auto longest_pause = seconds(64);
constexpr auto renew_pause = seconds(60);  // RFC 2131, 4.4.5
constexpr int max_requests = 4;            // then the offer is given up
constexpr int max_read = 32;               // messages at a time

sockaddr_in endpoint(std::uint32_t address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_addr.s_addr = htonl(address);
  result.sin_port = htons(port);
  return result;
}

// Bound to the interface, the kernel sends broadcasts without an address and without a route.
Fd open_socket(const std::string& interface) {
  Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  const sockaddr_in here = endpoint(INADDR_ANY, client_port);
  if (!fd ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                   static_cast<socklen_t>(interface.size() + 1)) != 0 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0 ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) {
    throw RpcError(agent::protocol::operation_failed, interface + ": no socket for DHCP", errno);
  }
  return fd;
}

}  // namespace

DhcpClient::DhcpClient(std::string interface, const dhcp::Mac& mac, Handler handler)
    : interface_(std::move(interface)),
      mac_(mac),
      handler_(std::move(handler)),
      socket_(open_socket(interface_)) {
  begin(State::selecting);
}

void DhcpClient::begin(State state) {
  state_ = state;
  begun_ = next_ = Clock::now();
  requests_ = 0;
  const bool asks_anew = state == State::selecting || state == State::requesting;
  pause_ = asks_anew ? Clock::duration(first_pause) : Clock::duration(renew_pause);
  if (state == State::bound) {
    socket_.reset();
    return;
  }
  // Of an offer and its request it is the same.
  if (state != State::requesting &&
      ::getrandom(&transaction_, sizeof transaction_, GRND_NONBLOCK) != sizeof transaction_) {
    transaction_ ^= static_cast<std::uint32_t>(begun_.time_since_epoch().count());
  }
  try {
    if (!socket_) socket_ = open_socket(interface_);
  } catch (const RpcError& error) {
    log(error.message);  // tried again with the next question
  }
}

void DhcpClient::watch(PollSet& set) {
  if (socket_) set.add(socket_.get(), POLLIN, [this](short) { receive(); });
  const auto event = lease_event();
  if (state_ == State::bound) {
    if (event) set.add_timer(*event, [this](short) { on_timer(); });
  } else {
    set.add_timer(event ? std::min(*event, next_) : next_, [this](short) { on_timer(); });
  }
}

std::optional<DhcpClient::Clock::time_point> DhcpClient::lease_event() const {
  if (!lease_ || lease_->lease_seconds == dhcp::for_ever) return std::nullopt;
  switch (state_) {
    case State::bound:
      return asked_ + seconds(lease_->renew_seconds);
    case State::renewing:
      return asked_ + seconds(lease_->rebind_seconds);
    default:
      return asked_ + seconds(lease_->lease_seconds);
  }
}

void DhcpClient::on_timer() {
  const auto now = Clock::now();
  if (const auto event = lease_event(); event && *event <= now) {
    if (state_ == State::bound) {
      begin(State::renewing);
    } else if (state_ == State::renewing) {
      begin(State::rebinding);
    } else {
      log(interface_ + ": the DHCP server has not renewed the address");
      lease_.reset();
      handler_(nullptr);
      begin(State::selecting);
    }
  }
  if (state_ == State::bound || next_ > now) return;
  if (state_ == State::requesting && requests_ == max_requests) begin(State::selecting);
  send();
  next_ = now + pause_;
  if (state_ == State::selecting || state_ == State::requesting) {
    pause_ = std::min<Clock::duration>(2 * pause_, longest_pause);
  }
}

void DhcpClient::send() {
  dhcp::Query query;
  query.transaction = transaction_;
  query.mac = mac_;
  const auto since = std::chrono::duration_cast<seconds>(Clock::now() - begun_).count();
  query.seconds = static_cast<std::uint16_t>(std::min<std::int64_t>(since, 0xffff));
  std::uint32_t to = INADDR_BROADCAST;
  if (state_ == State::selecting) {
    ++discovers_;
  } else {
    query.kind = dhcp::Kind::request;
    ++requests_;
    if (state_ == State::requesting) {
      query.wanted_address = offer_->address;
      query.server = offer_->server;
    } else {
      query.client_address = lease_->address;
      if (state_ == State::renewing) to = lease_->server;
    }
    // An answer to an earlier question counts from that one, which is the safe side.
    if (requests_ == 1) begun_ = Clock::now();
  }
  if (!socket_) return;
  const auto message = dhcp::encode(query);
  const sockaddr_in there = endpoint(to, server_port);
  // What cannot be sent now is sent again.
  (void)::sendto(socket_.get(), message.data(), message.size(), 0,
                 reinterpret_cast<const sockaddr*>(&there), sizeof there);
}

void DhcpClient::receive() {
  for (int i = 0; i < max_read && socket_; ++i) {
    std::array<std::uint8_t, 2048> buffer;
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return;
    const auto reply = dhcp::parse_reply(std::span(buffer).first(static_cast<std::size_t>(count)),
                                         transaction_, mac_);
    if (reply) take(*reply);
  }
}

void DhcpClient::take(const dhcp::Reply& reply) {
  if (state_ == State::selecting) {
    if (reply.kind != dhcp::Kind::offer) return;
    offer_ = reply;
    begin(State::requesting);
    return;
  }
  if (reply.kind == dhcp::Kind::offer) return;
  // Another server has no say about what this one gave; when rebinding any may answer.
  const std::uint32_t expected = state_ == State::requesting ? offer_->server
                                 : lease_                    ? lease_->server
                                                             : 0;
  if (state_ != State::rebinding && reply.server != expected) return;
  if (reply.kind == dhcp::Kind::nak) {
    ++refusals_;
    if (lease_) {
      lease_.reset();
      handler_(nullptr);
    }
    begin(State::selecting);
    next_ = Clock::now() + first_pause;  // it may refuse again
    return;
  }
  const std::uint32_t wanted = state_ == State::requesting ? offer_->address : lease_->address;
  if (reply.address != wanted) return;
  lease_ = reply;
  asked_ = begun_;
  begin(State::bound);
  handler_(&*lease_);
}

std::string DhcpClient::tried() const {
  std::string text = std::to_string(discovers_) + " DHCPDISCOVER were sent";
  if (offer_) text += ", an offer came";
  if (refusals_ != 0) text += ", " + std::to_string(refusals_) + " DHCPNAK";
  return text;
}

}  // namespace vmkit::guest
