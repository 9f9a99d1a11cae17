// SPDX-License-Identifier: Apache-2.0
#include "client_record.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

constexpr std::size_t max_messages = 4096;
constexpr std::size_t max_bytes = 4 * 1024 * 1024;
// Of a client that has gone and may come back.
constexpr std::size_t max_events_kept = 256;

std::string text_of(const agent::Json& event) {
  return agent::dump_message({{"jsonrpc", "2.0"}, {"method", "event"}, {"params", event}},
                             agent::BadUtf8::replace);
}

}  // namespace

bool ClientRecord::take_request(std::uint64_t number) {
  if (number <= last_request_) return false;
  last_request_ = number;
  return true;
}

std::uint64_t ClientRecord::add_message(std::string message) {
  if (messages_.size() >= max_messages || bytes_ >= max_bytes) {
    throw Error(Errc::resource_exhausted, "the client asks but does not read the answers");
  }
  bytes_ += message.size();
  messages_.push_back(std::move(message));
  return acknowledged_ + messages_.size();
}

void ClientRecord::add_event(const agent::Json& event, bool connected) {
  if (!connected && messages_.size() >= max_events_kept) {
    ++lost_events_;
    return;
  }
  if (lost_events_ != 0) {
    add_message(text_of({{"type", "lost"}, {"count", lost_events_}}));
    lost_events_ = 0;
  }
  add_message(text_of(event));
}

void ClientRecord::acknowledge(std::uint64_t count) {
  if (count > acknowledged_ + messages_.size()) {
    throw Error(Errc::data_corruption, "the client acknowledges what it was never sent");
  }
  while (acknowledged_ < count) {
    bytes_ -= messages_.front().size();
    messages_.pop_front();
    ++acknowledged_;
  }
}

}  // namespace vmkit::guest
