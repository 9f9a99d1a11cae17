// SPDX-License-Identifier: Apache-2.0
#include "agent/preamble_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "agent/preamble.hpp"
#include "agent/protocol.hpp"
#include "agent/stoppable_wait.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

// Rarely needed: only if the agent takes the first greeting for the rest of an old frame.
constexpr std::chrono::seconds repeat_after{5};

Preamble::Nonce random_nonce() {
  std::random_device random;
  Preamble::Nonce nonce;
  for (std::size_t i = 0; i < nonce.size(); i += sizeof(std::uint32_t)) {
    const std::uint32_t part = random();
    std::memcpy(&nonce[i], &part, sizeof part);
  }
  return nonce;
}

// One thread reads and one writes, because either may block in the transport; the caller waits
// where a stop reaches it.
class Exchange {
 public:
  explicit Exchange(Stream& transport) : transport_(transport), nonce_(random_nonce()) {}

  std::vector<std::byte> run(const CallOptions& options) {
    std::thread reader([this] { guarded([this] { read_answer(); }); });
    std::thread writer([this] { guarded([this] { write_hello(); }); });
    try {
      StoppableWait waiting(mutex_, changed_, options, "waiting for the guest agent");
      std::unique_lock lock(mutex_);
      while (!done_) waiting.wait(lock);
    } catch (const Error& error) {
      finish(error);
    }
    if (failure_) transport_.close();
    reader.join();
    writer.join();
    if (failure_) throw *failure_;
    return std::move(rest_);
  }

 private:
  template <class Work>
  void guarded(Work work) noexcept {
    try {
      work();
    } catch (const Error& error) {
      finish(error);
    } catch (const std::exception& error) {
      finish(Error(Errc::internal, error.what()));
    }
  }

  void finish(std::optional<Error> failure) {
    {
      const std::lock_guard lock(mutex_);
      if (done_) return;
      done_ = true;
      failure_ = std::move(failure);
    }
    changed_.notify_all();
  }

  void read_answer() {
    PreambleScanner scanner(Preamble::Kind::answer);
    std::vector<std::byte> buffer(16 * 1024);
    for (;;) {
      const std::size_t count = transport_.read(buffer);
      if (count == 0) {
        throw Error(Errc::unavailable, "the connection ended before the guest agent answered");
      }
      std::span<const std::byte> input = std::span(buffer).first(count);
      while (const auto answer = scanner.scan(input)) {
        if (answer->nonce != nonce_) continue;  // to an earlier client
        if (answer->version != protocol::version) {
          throw Error(Errc::unsupported,
                      "the guest agent speaks protocol version " + std::to_string(answer->version) +
                          ", expected " + std::to_string(protocol::version) +
                          ": start the machine with the initramfs of this library");
        }
        rest_.assign(input.begin(), input.end());
        return finish(std::nullopt);
      }
    }
  }

  void write_hello() {
    const auto hello = Preamble{Preamble::Kind::hello, protocol::version, nonce_}.encode();
    transport_.write(hello);
    std::vector<std::byte> repetition(preamble_padding_size + hello.size(), preamble_padding);
    std::copy(hello.begin(), hello.end(), repetition.end() - Preamble::size);
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, repeat_after, [this] { return done_; })) {
      lock.unlock();
      transport_.write(repetition);
      lock.lock();
    }
  }

  Stream& transport_;
  const Preamble::Nonce nonce_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::optional<Error> failure_;
  std::vector<std::byte> rest_;
};

}  // namespace

std::vector<std::byte> exchange_preambles(Stream& transport, const CallOptions& options) {
  return Exchange(transport).run(options);
}

}  // namespace vmkit::agent
