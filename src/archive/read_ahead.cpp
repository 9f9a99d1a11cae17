// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <vmkit/archive/read_ahead.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::archive {
namespace {

struct Slot {
  std::unique_ptr<std::byte[]> bytes;
  std::size_t length = 0;
};

}  // namespace

// Buffers are numbered from 0 on; number n lives in slot n % slots. A slot is the producer's until
// `filled_` passes it, then the reader's and the hasher's, and the producer's again when both have
// passed it. Only the numbers are shared under the mutex, never the bytes.
struct ReadAhead::Impl {
  Impl(std::unique_ptr<Source> from, const ReadAheadOptions& options, const CallOptions& call)
      : source(std::move(from)),
        buffer_size(std::max<std::size_t>(1, options.buffer_size.bytes())),
        slots(std::max<std::size_t>(2, options.buffers)),
        wait_options{call.stop, {}, call.deadline} {
    if (options.digest) hasher.emplace(*options.digest);
  }

  void start() {
    try {
      producer = std::thread([this] { produce(); });
      if (hasher) hashing = std::thread([this] { hash(); });
    } catch (const std::system_error& error) {
      join();
      throw Error::from_errno(error.code().value(), "start a thread to read ahead");
    }
  }

  void join() noexcept {
    {
      std::lock_guard lock(mutex);
      closing = true;
    }
    changed.notify_all();
    if (producer.joinable()) producer.join();
    if (hashing.joinable()) hashing.join();
  }

  /// How many buffers everybody is done with.
  std::uint64_t released() const { return hasher ? std::min(taken, hashed) : taken; }

  void produce() {
    std::exception_ptr caught;
    std::uint64_t number = 0;
    try {
      while (produce_one(number)) ++number;
      return;
    } catch (...) {
      caught = std::current_exception();
    }
    {
      std::lock_guard lock(mutex);
      if (slots[number % slots.size()].length > 0) filled = number + 1;
      failure = caught;
      ended = true;
    }
    changed.notify_all();
  }

  bool produce_one(std::uint64_t number) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return closing || number - released() < slots.size(); });
      if (closing) return false;
    }
    Slot& slot = slots[number % slots.size()];
    const bool more = fill(slot);
    {
      std::lock_guard lock(mutex);
      if (slot.length > 0) filled = number + 1;
      ended = !more;
    }
    changed.notify_all();
    return more;
  }

  /// False at the end of the source, or when nobody wants more.
  bool fill(Slot& slot) {
    slot.length = 0;
    if (!slot.bytes) slot.bytes.reset(new std::byte[buffer_size]);
    while (slot.length < buffer_size) {
      const std::size_t count =
          source->read(std::span(slot.bytes.get() + slot.length, buffer_size - slot.length));
      if (count == 0) return false;
      slot.length += count;
      std::lock_guard lock(mutex);
      if (closing) return false;
    }
    return true;
  }

  void hash() {
    try {
      hash_all();
    } catch (...) {
      {
        std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        hashed = ~std::uint64_t{0};  // holds nobody up any more
      }
      changed.notify_all();
    }
  }

  void hash_all() {
    for (std::uint64_t number = 0;; ++number) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return closing || ended || filled > number; });
        if (closing || filled <= number) break;
      }
      const Slot& slot = slots[number % slots.size()];
      hasher->update(std::span<const std::byte>(slot.bytes.get(), slot.length));
      {
        std::lock_guard lock(mutex);
        hashed = number + 1;
      }
      changed.notify_all();
    }
  }

  /// Waits until `ready`, called under the lock; throws cancelled or timeout.
  template <class Predicate>
  void wait(std::unique_lock<std::mutex>& lock, Predicate ready) {
    while (!ready()) {
      wait_options.check("read");
      if (wait_options.deadline) {
        changed.wait_until(lock, *wait_options.deadline);
      } else {
        changed.wait(lock);
      }
    }
  }

  std::span<const std::byte> next() {
    std::unique_lock lock(mutex);
    if (holding) {
      holding = false;
      ++taken;
      changed.notify_all();
    }
    wait_options.check("read");
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
  std::size_t buffer_size;
  std::vector<Slot> slots;
  CallOptions wait_options;
  std::optional<Hasher> hasher;

  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t filled = 0;
  std::uint64_t hashed = 0;
  std::uint64_t taken = 0;  // the reader is done with these
  bool ended = false;
  bool closing = false;
  std::exception_ptr failure;

  bool holding = false;                // the reader has buffer number `taken`
  std::span<const std::byte> partial;  // what read() has not copied yet of it

  std::thread producer;
  std::thread hashing;
  // The empty lock orders the notification after a waiter's look at the token.
  StopCallback on_stop{wait_options.stop, [this] {
                         { std::lock_guard lock(mutex); }
                         changed.notify_all();
                       }};
};

ReadAhead::ReadAhead(std::unique_ptr<Source> source, const ReadAheadOptions& options,
                     const CallOptions& call_options)
    : impl_(std::make_unique<Impl>(std::move(source), options, call_options)) {
  impl_->start();
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
