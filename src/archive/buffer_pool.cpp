// SPDX-License-Identifier: Apache-2.0
#include "archive/buffer_pool.hpp"

#include <algorithm>

namespace vmkit::archive {

BufferPool::Impl::Impl(const BufferPoolOptions& options)
    : buffer_size(std::max<std::size_t>(1, options.buffer_size.bytes())),
      shared(options.shared_buffers),
      own(std::max<std::size_t>(options.own_buffers, 2)),
      several(std::clamp<std::size_t>(most() / 4, 1, most_for_a_wake)) {}

std::size_t BufferPool::Impl::available(const Client& client) const {
  const std::size_t left = client.held < own ? own - client.held : 0;
  if (!client.is_read) return shared - shared_taken_ + left;
  if (client.held >= client.keeps || others_wait_unread()) return left;
  return std::min(client.keeps - client.held, shared - shared_taken_ + left);
}

bool BufferPool::Impl::others_wait_unread() const {
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [](const Client* other) { return !other->is_read; });
}

Buffer BufferPool::Impl::take(Client& client) {
  return take_unless(client, [&] { return client.closing; });
}

Buffer BufferPool::Impl::take_unread(Client& client) {
  return take_unless(client, [&] { return client.closing || client.is_read; });
}

template <class Predicate>
Buffer BufferPool::Impl::take_unless(Client& client, Predicate unwanted) {
  std::unique_lock lock(mutex_);
  if (available(client) == 0 && !unwanted()) {
    waiting_.push_back(&client);
    while (available(client) == 0 && !unwanted()) {
      client.asleep = true;
      client.changed.wait(lock);
    }
    std::erase(waiting_, &client);
  }
  if (unwanted()) return nullptr;
  if (++client.held > own) ++shared_taken_;
  if (free_.empty()) {
    lock.unlock();
    return Buffer(new std::byte[buffer_size]);
  }
  Buffer buffer = std::move(free_.back());
  free_.pop_back();
  return buffer;
}

void BufferPool::Impl::give_back(Client& client, std::vector<Buffer>& buffers) {
  const std::lock_guard lock(mutex_);
  for (Buffer& buffer : buffers) {
    if (client.held-- > own) --shared_taken_;
    free_.push_back(std::move(buffer));
  }
  buffers.clear();
  for (Client* other : waiting_) {
    // One that holds nothing has nothing to give back that would wake it later.
    if (other->asleep && (available(*other) >= several || other->held == 0)) {
      other->asleep = false;
      other->changed.notify_one();
    }
  }
}

void BufferPool::Impl::begin_reading(Client& client) {
  const std::lock_guard lock(mutex_);
  client.is_read = true;
  client.keeps = std::max(own, client.held);
  client.changed.notify_one();
}

void BufferPool::Impl::close(Client& client) {
  const std::lock_guard lock(mutex_);
  client.closing = true;
  client.changed.notify_one();
}

BufferPool::BufferPool(const BufferPoolOptions& options) : impl_(std::make_unique<Impl>(options)) {}
BufferPool::~BufferPool() = default;

}  // namespace vmkit::archive
