// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "agent/mux.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {

/// The reading end of an output of a process, whichever stream it comes through. Thread-safe,
/// except that one thread at a time reads.
class OutputPipe {
 public:
  /// `number` is its name at the agent, `ring_bytes` what the agent keeps of the output.
  OutputPipe(std::uint64_t number, std::size_t ring_bytes)
      : number_(number), ring_bytes_(ring_bytes) {}

  std::uint64_t number() const { return number_; }
  std::uint64_t offset() const;

  /// Waits meanwhile when a session is lost.
  std::size_t read(std::span<std::byte> buffer, const CallOptions& options);
  /// Nothing more is wanted; a read that waits returns 0.
  void close() noexcept;

  /// The stream is lost. True if another one is wanted, which is to begin at offset().
  bool suspend();
  /// From now on comes from `stream`, whose first byte is at `offset` of the output.
  void connect(std::unique_ptr<MuxStream> stream, std::uint64_t offset);
  /// There will be no stream any more.
  void fail(const Error& error) noexcept;

 private:
  const std::uint64_t number_;
  const std::size_t ring_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<MuxStream> stream_;
  std::uint64_t offset_ = 0;
  std::optional<std::uint64_t> lost_;  // bytes that the agent has no more
  bool connected_ = false;             // once
  bool reading_ = false;
  bool ended_ = false;
  bool closed_ = false;
  std::optional<Error> failure_;
};

}  // namespace vmkit::agent
