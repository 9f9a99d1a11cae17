// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "archive/buffer_pool.hpp"
#include "os/thread.hpp"

#include <vmkit/archive/read_ahead.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::archive {
namespace {

struct Slot {
  Buffer bytes;
  std::size_t length = 0;
};

/// One of the threads, asleep until it may go on. Used under the ring's mutex.
class Sleeper {
 public:
  void sleep(std::unique_lock<std::mutex>& lock) {
    asleep_ = true;
    changed_.wait(lock);
  }
  void sleep_until(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point time) {
    asleep_ = true;
    changed_.wait_until(lock, time);
  }
  void wake() {
    if (!std::exchange(asleep_, false)) return;
    changed_.notify_one();
  }

 private:
  std::condition_variable changed_;
  bool asleep_ = false;
};

}  // namespace

// Buffers are numbered from 0 on; number n lives in slot n % slots. A slot is the producer's until
// `filled` passes it, then the reader's and whoever hashes it; when both have passed it, its memory
// goes back to the pool. Only the numbers are shared under the mutex, never the bytes.
//
// Until somebody reads, one thread of low priority fills buffers and hashes them. A priority cannot
// be raised again without a right, so another thread goes on once there is a reader. Hashing has a
// thread of its own then, but a reader that would have to wait hashes instead: that thread wakes
// when the reader falls behind, and on two processors does not compete with the one that fills.
struct ReadAhead::Impl {
  Impl(std::unique_ptr<Source> from, const ReadAheadOptions& options, const CallOptions& call)
      : source(std::move(from)),
        pool(options.pool
                 ? options.pool
                 : std::make_shared<BufferPool>(BufferPoolOptions{
                       .buffer_size = options.buffer_size, .own_buffers = options.buffers})),
        buffers(*pool->impl_),
        slots(buffers.most()),
        wait_options{call.stop, {}, call.deadline} {
    if (options.digest) hasher.emplace(*options.digest);
  }

  /// The reader has come.
  void begin() {
    buffers.begin_reading(client);
    {
      const std::lock_guard lock(mutex);
      begun = true;
    }
    try {
      producer = make_thread([this] { produce(); });
      if (hasher) hashing = make_thread([this] { hash(); });
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  }

  template <class Function>
  static std::thread make_thread(Function function) {
    try {
      return std::thread(function);
    } catch (const std::system_error& error) {
      throw Error::from_errno(error.code().value(), "start a thread to read ahead");
    }
  }

  void join() noexcept {
    {
      std::lock_guard lock(mutex);
      closing = true;
      wake_all();
    }
    buffers.close(client);
    for (std::thread* thread : {&producer, &ahead, &hashing}) {
      if (thread->joinable()) thread->join();
    }
    std::vector<Buffer> rest;
    for (Slot& slot : slots) {
      if (slot.bytes) rest.push_back(std::move(slot.bytes));
    }
    buffers.give_back(client, rest);
  }

  void wake_all() {
    reading.wake();
    digesting.wake();
  }

  /// After `filled`, `hashed` or `ended` changed.
  void wake_consumers() {
    if (ended || filled - taken >= buffers.several) reading.wake();
    if (is_hashing_due()) digesting.wake();
  }

  /// Gives buffers back that everybody is done with; the lock is open meanwhile.
  void recycle(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t released = hasher ? std::min(taken, hashed) : taken;
    if (recycled == released) return;
    std::vector<Buffer> done;
    for (; recycled < released; ++recycled) {
      done.push_back(std::move(slots[recycled % slots.size()].bytes));
    }
    lock.unlock();
    buffers.give_back(client, done);
    lock.lock();
  }

  /// Fills buffers until there is a reader.
  void produce_unread() {
    os::lower_thread_priority();
    while (produce_one(true)) {
      std::unique_lock lock(mutex);
      while (!begun && can_hash()) hash_one(lock);
    }
  }

  /// Goes on from there.
  void produce() {
    ahead.join();
    {
      const std::lock_guard lock(mutex);
      if (ended) return;
    }
    while (produce_one(false)) continue;
  }

  /// False when there are to be no more. Only one thread calls it at a time.
  bool produce_one(bool unread) {
    Slot* slot = nullptr;
    bool more = false;
    std::exception_ptr caught;
    try {
      Buffer bytes = unread ? buffers.take_unread(client) : buffers.take(client);
      if (!bytes) return false;
      slot = &slots[filled % slots.size()];
      *slot = {std::move(bytes), 0};
      more = fill(*slot);
    } catch (...) {
      caught = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    if (slot && slot->length > 0) ++filled;
    if (caught) failure = caught;
    ended = !more;
    wake_consumers();
    return more;
  }

  /// False at the end of the source, or when nobody wants more.
  bool fill(Slot& slot) {
    while (slot.length < buffers.buffer_size) {
      const std::size_t count = source->read(
          std::span(slot.bytes.get() + slot.length, buffers.buffer_size - slot.length));
      if (count == 0) return false;
      slot.length += count;
      if (closing) return false;
    }
    return true;
  }

  bool can_hash() const { return hasher && !in_hash && hashed < filled; }

  /// Whether the reader left enough that another thread should.
  bool is_hashing_due() const {
    return can_hash() && (ended || filled - hashed >= buffers.own / 2);
  }

  /// Hashes the next buffer, with the lock open.
  void hash_one(std::unique_lock<std::mutex>& lock) {
    const Slot& slot = slots[hashed % slots.size()];
    in_hash = true;
    lock.unlock();
    std::exception_ptr caught;
    try {
      hasher->update(std::span<const std::byte>(slot.bytes.get(), slot.length));
    } catch (...) {
      caught = std::current_exception();
    }
    lock.lock();
    in_hash = false;
    ++hashed;
    if (caught) {
      if (!failure) failure = caught;
      hashed = ~std::uint64_t{0};  // holds nobody up any more
    }
    wake_consumers();
    recycle(lock);
  }

  void hash() {
    std::unique_lock lock(mutex);
    while (!closing && !(ended && hashed >= filled)) {
      if (!is_hashing_due()) {
        digesting.sleep(lock);
        continue;
      }
      while (!closing && can_hash()) hash_one(lock);
    }
  }

  /// Waits until `ready`, called under the lock; throws cancelled or timeout.
  template <class Predicate>
  void wait(std::unique_lock<std::mutex>& lock, Predicate ready) {
    while (!ready()) {
      wait_options.check("read");
      if (can_hash()) {
        hash_one(lock);
      } else if (wait_options.deadline) {
        reading.sleep_until(lock, *wait_options.deadline);
      } else {
        reading.sleep(lock);
      }
    }
  }

  /// Gives back what next() gave.
  void release() {
    if (!holding) return;
    holding = false;
    std::unique_lock lock(mutex);
    ++taken;
    recycle(lock);
  }

  std::span<const std::byte> next() {
    if (!begun) begin();
    release();
    wait_options.check("read");
    std::unique_lock lock(mutex);
    wait(lock, [&] { return filled > taken || ended || failure; });
    if (filled > taken) {
      holding = true;
      const Slot& slot = slots[taken % slots.size()];
      return {slot.bytes.get(), slot.length};
    }
    if (failure) std::rethrow_exception(failure);
    return {};
  }

  std::unique_ptr<Source> source;
  std::shared_ptr<BufferPool> pool;
  BufferPool::Impl& buffers;
  BufferPool::Impl::Client client;
  std::vector<Slot> slots;
  CallOptions wait_options;
  std::optional<Hasher> hasher;

  std::mutex mutex;
  Sleeper reading;
  Sleeper digesting;
  std::uint64_t filled = 0;
  std::uint64_t hashed = 0;
  std::uint64_t taken = 0;     // the reader is done with these
  std::uint64_t recycled = 0;  // and these are back in the pool
  bool in_hash = false;        // somebody hashes buffer number `hashed`
  bool ended = false;
  bool begun = false;  // next() was called
  std::atomic<bool> closing{false};
  std::exception_ptr failure;

  bool holding = false;                // the reader has buffer number `taken`
  std::span<const std::byte> partial;  // what read() has not copied yet of it

  std::thread ahead;
  std::thread producer;
  std::thread hashing;
  // Under the lock, so that nobody is between its look at the token and its sleep.
  StopCallback on_stop{wait_options.stop, [this] {
                         std::lock_guard lock(mutex);
                         wake_all();
                       }};
};

ReadAhead::ReadAhead(std::unique_ptr<Source> source, const ReadAheadOptions& options,
                     const CallOptions& call_options)
    : impl_(std::make_unique<Impl>(std::move(source), options, call_options)) {
  impl_->ahead = Impl::make_thread([impl = impl_.get()] { impl->produce_unread(); });
}

ReadAhead::~ReadAhead() {
  impl_->join();
}

std::size_t ReadAhead::read(std::span<std::byte> buffer) {
  if (impl_->partial.empty()) impl_->partial = impl_->next();
  const std::size_t count = std::min(buffer.size(), impl_->partial.size());
  std::copy_n(impl_->partial.begin(), count, buffer.begin());
  impl_->partial = impl_->partial.subspan(count);
  return count;
}

std::span<const std::byte> ReadAhead::next() {
  if (!impl_->partial.empty()) return std::exchange(impl_->partial, {});
  return impl_->next();
}

Digest ReadAhead::digest() {
  {
    std::unique_lock lock(impl_->mutex);
    if (!impl_->hasher || !impl_->ended || impl_->failure || impl_->taken != impl_->filled) {
      throw Error(Errc::failed_precondition, "digest of a stream that was not read to its end");
    }
    impl_->wait(lock, [&] { return impl_->hashed >= impl_->filled; });
    if (impl_->failure) std::rethrow_exception(impl_->failure);
  }
  return impl_->hasher->finish();
}

}  // namespace vmkit::archive
