// SPDX-License-Identifier: Apache-2.0
#include "oci/transfer/arrival.hpp"

#include <algorithm>
#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit::oci {

void Arrival::begin(os::File file) {
  const std::lock_guard lock(mutex_);
  file_ = std::move(file);
}

void Arrival::advance(std::uint64_t available) {
  {
    const std::lock_guard lock(mutex_);
    available_ = available;
  }
  changed_.notify_all();
}

void Arrival::finish() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::here;
  }
  changed_.notify_all();
}

void Arrival::fail() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::coming) state_ = State::failed;
  }
  changed_.notify_all();
}

void Arrival::wake() noexcept {
  // Whoever is between its look and its sleep must not miss this.
  { const std::lock_guard lock(mutex_); }
  changed_.notify_all();
}

ArrivalSource::ArrivalSource(ImageStore store, Descriptor blob, std::shared_ptr<Arrival> arrival,
                             const StopToken& stop)
    : store_(std::move(store)),
      blob_(std::move(blob)),
      arrival_(std::move(arrival)),
      stop_(stop),
      on_stop_(stop, [arrival = arrival_] { arrival->wake(); }) {}

template <class Condition>
std::unique_lock<std::mutex> ArrivalSource::wait_until(const Condition& condition) const {
  std::unique_lock lock(arrival_->mutex_);
  arrival_->changed_.wait(lock, [&] { return condition() || stop_.stop_requested(); });
  if (stop_.stop_requested()) throw gone("it is not wanted any more");
  return lock;
}

std::size_t ArrivalSource::read(std::span<std::byte> buffer) {
  if (stored_) return stored_->read(buffer);
  if (buffer.empty()) return 0;
  std::uint64_t available = 0;
  {
    const auto lock = wait_until([&] {
      return arrival_->available_ > offset_ || arrival_->state_ != Arrival::State::coming;
    });
    if (arrival_->state_ == Arrival::State::failed) throw gone("its pull has ended");
    available = arrival_->available_;
    if (available <= offset_ && offset_ > 0) return 0;  // here, read to its end, and verified
  }
  if (available <= offset_) {
    stored_ = store_.open_blob(blob_);
    return stored_->read(buffer);
  }
  // The file keeps its content when it moves to its place in the store.
  const std::size_t count = arrival_->file_->read_at(
      offset_, buffer.first(std::min<std::uint64_t>(buffer.size(), available - offset_)));
  if (count == 0) {
    // What came was wrong and was thrown away. Whoever did that is about to end the pull and to say
    // why; this is not to be ahead of it.
    wait_until([&] { return arrival_->state_ != Arrival::State::coming; });
    throw gone("what came was wrong");
  }
  offset_ += count;
  return count;
}

Error ArrivalSource::gone(const char* why) const {
  return Error(Errc::cancelled, "blob " + blob_.digest.to_string() + " does not come: " + why);
}

}  // namespace vmkit::oci
