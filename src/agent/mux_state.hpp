// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/yamux/engine.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

/// What a Mux, its two threads and its streams share; outlives the Mux as long as a stream does.
/// Thread-safe, except that one thread runs read_transport() and one write_transport().
class MuxState {
 public:
  using DataHandler = std::function<void(std::span<const std::byte>)>;
  using FailureHandler = std::function<void(const Error&)>;

  MuxState(std::unique_ptr<Stream> transport, yamux::Role role, yamux::Limits limits);

  // The threads' bodies: they return when the session has ended.
  void read_transport(std::span<const std::byte> early_input) noexcept;
  void write_transport() noexcept;

  yamux::StreamId open(std::span<const std::byte> header);
  yamux::StreamId accept(const CallOptions& options);
  std::size_t read(yamux::StreamId id, std::span<std::byte> buffer, const CallOptions& options);
  void write(yamux::StreamId id, std::span<const std::byte> data, const CallOptions& options);
  std::optional<yamux::StreamId> accept_now();
  std::optional<std::size_t> read_now(yamux::StreamId id, std::span<std::byte> buffer);
  std::size_t write_now(yamux::StreamId id, std::span<const std::byte> data);
  void set_listener(yamux::StreamId id, std::function<void()> listener);
  void set_accept_listener(std::function<void()> listener);
  void limit_accepted(std::size_t most);
  std::size_t write_some(yamux::StreamId id, std::span<const std::byte> data,
                         const CallOptions& options);
  std::uint64_t acknowledged(yamux::StreamId id) const;
  void report_every(yamux::StreamId id, std::uint32_t bytes);
  void post(yamux::StreamId id, std::string_view message);
  void close_write(yamux::StreamId id);
  void close(yamux::StreamId id) noexcept;
  void forget(yamux::StreamId id) noexcept;

  void set_handler(yamux::StreamId id, DataHandler handler);
  void on_failure(FailureHandler handler);
  std::optional<Error> failure() const;

  /// Ends the session for everybody; only the first call counts. What is in the output may still
  /// be written.
  void fail(const Error& cause) noexcept;
  /// Gives write_transport() a moment to say good-bye, then closes the transport.
  void shut_down() noexcept;
  /// When both threads have ended: streams may outlive it.
  void drop_transport() noexcept;

 private:
  struct Entry {
    std::condition_variable changed;
    bool closed = false;        // by our side; the engine has forgotten the stream
    bool write_closed = false;  // by our side: who still waits to write waits in vain
    bool finish_after_outbox = false;
    bool waits_for_output = false;  // is in waiting_for_output_
    std::string outbox;             // posted messages that did not fit yet
    std::shared_ptr<DataHandler> handler;
    std::function<void()> listener;

    void tell() {
      changed.notify_all();
      if (listener) listener();
    }
  };
  using EntryPtr = std::shared_ptr<Entry>;

  EntryPtr entry(yamux::StreamId id) const;
  void take_input(std::span<const std::byte> input);
  std::size_t take_readable(yamux::StreamId id, std::span<std::byte> buffer);
  void give_to_handler(std::unique_lock<std::mutex>& lock, yamux::StreamId id, const EntryPtr& to);
  void send_outbox(yamux::StreamId id, const EntryPtr& of);
  void wait_for_output(yamux::StreamId id, const EntryPtr& waiting);
  void check_open(yamux::StreamId id, const Entry& entry) const;
  void wake_writer();

  std::unique_ptr<Stream> transport_;
  mutable std::mutex mutex_;  // guards all that follows
  yamux::Engine engine_;
  std::unordered_map<yamux::StreamId, EntryPtr> entries_;
  std::vector<yamux::StreamId> waiting_for_output_;
  std::condition_variable output_arrived_;
  std::condition_variable stream_arrived_;
  std::condition_variable writer_done_;
  bool writer_is_done_ = false;
  std::optional<Error> failure_;
  FailureHandler failure_handler_;
  std::function<void()> accept_listener_;
};

}  // namespace vmkit::agent
