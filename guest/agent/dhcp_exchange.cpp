// SPDX-License-Identifier: Apache-2.0
#include "dhcp_exchange.hpp"

#include <algorithm>
#include <utility>

namespace vmkit::guest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Duration = DhcpExchange::Clock::duration;

constexpr std::uint32_t everybody = 0xffffffff;
// The server is on this machine's host, or near; RFC 2131 has 4 s for a campus.
constexpr Duration first_pause = milliseconds(500);
constexpr Duration longest_pause = seconds(64);
constexpr Duration least_pause = seconds(1);
constexpr int max_requests = 4;             // then the offer is given up
constexpr Duration patience = seconds(10);  // with a lease that may have run out

Duration backed_off(int times) {
  return std::min<Duration>(first_pause * (1 << std::min(times, 10)), longest_pause);
}

}  // namespace

DhcpExchange::DhcpExchange(const dhcp::Mac& mac, std::string hostname,
                           std::function<std::uint32_t()> random, Time now)
    : mac_(mac), hostname_(std::move(hostname)), random_(std::move(random)) {
  begin(State::selecting, now);
}

void DhcpExchange::begin(State state, Time now, Duration wait) {
  state_ = state;
  begun_ = now;
  next_ask_ = now + wait;
  asked_ = 0;
  if (state != State::requesting) transaction_ = random_();  // which is that of the offer
}

std::optional<DhcpExchange::Time> DhcpExchange::lease_event() const {
  if (!lease_ || lease_->lease_seconds == dhcp::for_ever) return std::nullopt;
  switch (state_) {
    case State::bound:
      return leased_ + seconds(lease_->renew_seconds);
    case State::renewing:
      return leased_ + seconds(lease_->rebind_seconds);
    default:
      return leased_ + seconds(lease_->lease_seconds);
  }
}

std::optional<DhcpExchange::Time> DhcpExchange::next() const {
  const auto event = lease_event();
  if (state_ == State::bound) return event;
  return event ? std::min(*event, next_ask_) : next_ask_;
}

std::optional<DhcpExchange::Message> DhcpExchange::poll(Time now) {
  // After a long time several are due.
  for (auto event = lease_event(); event && *event <= now; event = lease_event()) {
    if (state_ == State::bound) {
      begin(State::renewing, now);
    } else if (state_ == State::renewing) {
      begin(State::rebinding, now);
    } else {
      drop_lease();
      begin(State::selecting, now);
    }
  }
  if (state_ == State::bound || next_ask_ > now) return std::nullopt;
  if (state_ == State::requesting && asked_ == max_requests) begin(State::selecting, now);
  Message message = ask(now);
  next_ask_ = now + pause(now);
  return message;
}

/// Until what was just asked is asked again. Half of what is left (4.4.5) is six questions in the
/// last minute, which a short lease needs.
Duration DhcpExchange::pause(Time now) const {
  if (const auto event = lease_event()) return std::max<Duration>((*event - now) / 2, least_pause);
  return backed_off(asked_ - 1);
}

DhcpExchange::Message DhcpExchange::ask(Time now) {
  // Time that the server gives counts from the first question: that is the safe side.
  if (asked_++ == 0) begun_ = now;
  const auto since = std::chrono::duration_cast<seconds>(now - begun_).count();
  dhcp::Query query{.kind = dhcp::Kind::request,
                    .transaction = transaction_,
                    .seconds = static_cast<std::uint16_t>(std::min<std::int64_t>(since, 0xffff)),
                    .mac = mac_,
                    .hostname = hostname_};
  std::uint32_t to = everybody;
  if (state_ == State::selecting) {
    query.kind = dhcp::Kind::discover;
    ++discovers_;
  } else if (state_ == State::requesting) {
    query.wanted_address = offer_.address;
    query.server = offer_.server;
    ++requests_;
  } else {
    query.client_address = lease_->address;
    if (state_ == State::renewing) to = lease_->server;
  }
  return {dhcp::encode(query), to};
}

void DhcpExchange::receive(std::span<const std::uint8_t> bytes, Time now) {
  if (!listens() || !dhcp::is_answer(bytes, transaction_, mac_)) return;
  if (const auto reply = dhcp::parse_reply(bytes)) {
    take(*reply, now);
  } else {
    ++unusable_;
  }
}

void DhcpExchange::take(const dhcp::Reply& reply, Time now) {
  if (state_ == State::selecting) {
    if (reply.kind != dhcp::Kind::offer) return;
    ++offers_;
    offer_ = reply;
    return begin(State::requesting, now);
  }
  if (reply.kind == dhcp::Kind::offer) return;
  // Another server has no say about what this one gives; when nobody renewed, any may.
  const dhcp::Reply& known = state_ == State::requesting ? offer_ : *lease_;
  if (state_ != State::rebinding && reply.server != known.server) return;
  if (reply.kind == dhcp::Kind::nak) {
    ++refusals_;
    drop_lease();
    // It may refuse again and again.
    return begin(State::selecting, now, backed_off(refused_++));
  }
  if (reply.address != known.address) return;
  lease_ = reply;
  leased_ = begun_;
  refused_ = 0;
  ++changes_;
  begin(State::bound, now);
}

void DhcpExchange::drop_lease() {
  if (lease_) ++changes_;
  lease_.reset();
}

void DhcpExchange::slept(Duration time, Time now) {
  if (!lease_ || lease_->lease_seconds == dhcp::for_ever) return;
  const Duration whole = seconds(lease_->lease_seconds);
  const Time really = leased_ - std::min(time, whole);
  leased_ = std::min(leased_, std::max(really, now + patience - whole));
  begin(State::rebinding, now);
}

std::optional<DhcpExchange::Message> DhcpExchange::release() const {
  if (!lease_) return std::nullopt;
  return Message{dhcp::encode({.kind = dhcp::Kind::release,
                               .transaction = transaction_,
                               .mac = mac_,
                               .client_address = lease_->address,
                               .server = lease_->server}),
                 lease_->server};
}

std::string DhcpExchange::tried() const {
  std::string text = std::to_string(discovers_) + " DHCPDISCOVER and " + std::to_string(requests_) +
                     " DHCPREQUEST sent, " + std::to_string(offers_) + " DHCPOFFER and " +
                     std::to_string(refusals_) + " DHCPNAK received";
  if (unusable_ != 0) text += ", " + std::to_string(unusable_) + " answers of no use";
  return text;
}

}  // namespace vmkit::guest
