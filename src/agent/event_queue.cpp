// SPDX-License-Identifier: Apache-2.0
#include "agent/event_queue.hpp"

#include <charconv>
#include <string>
#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

constexpr std::size_t max_events = 1024;
constexpr std::size_t max_bytes = 1024 * 1024;

std::size_t size_of(const GuestEvent& event) {
  std::size_t size = sizeof event + event.type.size();
  for (const auto& [name, value] : event.attributes) size += name.size() + value.size() + 64;
  return size;
}

}  // namespace

std::optional<std::int64_t> GuestEvent::number(std::string_view name) const {
  const auto found = attributes.find(name);
  if (found == attributes.end()) return std::nullopt;
  const std::string& text = found->second;
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

void EventQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EventQueue::listen(Handler handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
  if (!thread_.joinable()) thread_ = std::thread([this] { deliver(); });
  changed_.notify_all();
}

void EventQueue::push(const Json& params) {
  if (!params.is_object() || !params.contains("type") || !params["type"].is_string()) {
    throw Error(Errc::data_corruption, "the guest agent sent an event without a type");
  }
  GuestEvent event;
  for (const auto& [name, value] : params.items()) {
    std::string text =
        value.is_string() ? value.get<std::string>() : dump_message(value, BadUtf8::replace);
    if (name == "type") {
      event.type = std::move(text);
    } else {
      event.attributes.emplace(name, std::move(text));
    }
  }
  const std::lock_guard lock(mutex_);
  bytes_ += size_of(event);
  events_.push_back(std::move(event));
  while (events_.size() > max_events || (bytes_ > max_bytes && events_.size() > 1)) {
    bytes_ -= size_of(events_.front());
    events_.pop_front();
    ++lost_;
  }
  changed_.notify_all();
}

void EventQueue::deliver() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || (handler_ && !events_.empty()); });
    if (stopped_) return;
    GuestEvent event;
    if (lost_ != 0) {
      event = {"lost", {{"count", std::to_string(std::exchange(lost_, 0))}}};
    } else {
      event = std::move(events_.front());
      bytes_ -= size_of(event);
      events_.pop_front();
    }
    const Handler handler = handler_;
    lock.unlock();
    try {
      handler(event);
    } catch (...) {
      // There is nobody to tell: the handler runs because the guest did something.
    }
    lock.lock();
  }
}

}  // namespace vmkit::agent
