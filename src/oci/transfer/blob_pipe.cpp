// SPDX-License-Identifier: Apache-2.0
#include "oci/transfer/blob_pipe.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t ring_size = 1 << 20;

}  // namespace

class BlobPipe::Inlet : public Sink {
 public:
  explicit Inlet(BlobPipe& pipe) : pipe_(pipe) {}
  void write(std::span<const std::byte> data) override {
    while (!data.empty()) {
      const std::size_t taken = pipe_.put(data);
      if (taken == 0) throw Error(Errc::cancelled, "nobody reads the blob any more");
      data = data.subspan(taken);
    }
  }

 private:
  BlobPipe& pipe_;
};

BlobPipe::BlobPipe(RegistryClient& client, const Reference& repository,
                   const Descriptor& descriptor, std::uint64_t offset, const CallOptions& call)
    : call_{call.stop, {}, call.deadline},
      ring_(ring_size),
      outer_stop_(call.stop, [this] { close(); }) {
  try {
    fetcher_ = std::thread([this, &client, &repository, &descriptor, offset]() noexcept {
      try {
        Inlet inlet(*this);
        const CallOptions inner{stop_.token(), {}, call_.deadline};
        client.fetch_rest_of_blob(repository, descriptor, offset, inlet, inner);
        end(nullptr);
      } catch (...) {
        end(std::current_exception());
      }
    });
  } catch (const std::system_error& error) {
    throw Error(Errc::resource_exhausted, std::string("start a thread: ") + error.what());
  }
}

BlobPipe::~BlobPipe() {
  close();
  fetcher_.join();
}

void BlobPipe::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  stop_.request_stop();
}

std::size_t BlobPipe::put(std::span<const std::byte> data) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || filled_ < ring_.size(); });
  if (closed_) return 0;
  const std::size_t at = (first_ + filled_) % ring_.size();
  const std::size_t count = std::min({data.size(), ring_.size() - filled_, ring_.size() - at});
  std::copy_n(data.begin(), count, ring_.begin() + static_cast<std::ptrdiff_t>(at));
  filled_ += count;
  lock.unlock();
  changed_.notify_all();
  return count;
}

void BlobPipe::end(std::exception_ptr failure) noexcept {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    failure_ = std::move(failure);
  }
  changed_.notify_all();
}

std::size_t BlobPipe::read(std::span<std::byte> buffer) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || ended_ || filled_ != 0; });
  call_.check("copy a blob");
  if (filled_ == 0) {
    if (failure_) std::rethrow_exception(failure_);
    return 0;
  }
  const std::size_t count = std::min({buffer.size(), filled_, ring_.size() - first_});
  std::copy_n(ring_.begin() + static_cast<std::ptrdiff_t>(first_), count, buffer.begin());
  first_ = (first_ + count) % ring_.size();
  filled_ -= count;
  lock.unlock();
  changed_.notify_all();
  return count;
}

}  // namespace vmkit::oci
