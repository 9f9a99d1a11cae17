// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include <vmkit/archive/buffer_pool.hpp>

namespace vmkit::archive {

using Buffer = std::unique_ptr<std::byte[]>;

/// Waking a thread costs about as much as hashing ten kilobytes. So whoever found nothing to do is
/// woken only when there are several buffers for it, which no one can notice in a stream that is
/// read ahead.
constexpr std::size_t most_for_a_wake = 4;

struct BufferPool::Impl {
  explicit Impl(const BufferPoolOptions& options);

  /// One who takes buffers, on one thread.
  struct Client {
    std::size_t held = 0;
    bool is_read = false;  ///< Somebody reads what it has filled.
    /// What it may hold from then on: what it held, unless others that are not read want that.
    std::size_t keeps = 0;
    bool asleep = false;
    bool closing = false;
    std::condition_variable changed;
  };

  /// A buffer for `client`, waiting until there is one; null after close().
  Buffer take(Client& client);
  /// The same; null also when somebody has begun to read.
  Buffer take_unread(Client& client);
  void give_back(Client& client, std::vector<Buffer>& buffers);
  void begin_reading(Client& client);
  void close(Client& client);

  /// The most that one client can hold.
  std::size_t most() const { return shared + own; }

  const std::size_t buffer_size;
  const std::size_t shared;
  const std::size_t own;
  const std::size_t several;

 private:
  template <class Predicate>
  Buffer take_unless(Client& client, Predicate unwanted);
  std::size_t available(const Client& client) const;
  bool others_wait_unread() const;

  std::mutex mutex_;
  std::size_t shared_taken_ = 0;
  std::vector<Buffer> free_;
  std::vector<Client*> waiting_;
};

}  // namespace vmkit::archive
