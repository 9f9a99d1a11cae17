// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>

#include "agent/yamux/engine.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

class MuxState;

/// One stream of a Mux. Its end by the peer's reset or with the session shows as Error unavailable.
///
/// As every Stream: one thread may read while another writes, close() from any thread. The
/// destructor resets the stream unless both ends have finished. Outlives its Mux safely.
class MuxStream : public Stream {
 public:
  MuxStream(std::shared_ptr<MuxState> state, yamux::StreamId id);
  ~MuxStream() override;

  yamux::StreamId id() const { return id_; }

  std::size_t read(std::span<std::byte> buffer) override { return read(buffer, {}); }
  std::size_t read(std::span<std::byte> buffer, const CallOptions& options);
  void write(std::span<const std::byte> data) override { write(data, {}); }
  void write(std::span<const std::byte> data, const CallOptions& options);
  /// Waits until some of `data` (not empty) can be taken, and returns how much.
  std::size_t write_some(std::span<const std::byte> data, const CallOptions& options);
  /// What a loop needs, which must not wait: reads what is there now. Nothing if that is nothing
  /// yet, 0 at the end. Throws unavailable after a reset or with the session.
  std::optional<std::size_t> read_now(std::span<std::byte> buffer);
  /// Writes what there is room for now and returns how much; if that is not all, the listener is
  /// called when there is room again.
  std::size_t write_now(std::span<const std::byte> data);
  /// Calls `listener` whenever there is news for read_now() or write_now(), in the threads of the
  /// Mux and under its lock: it may only wake somebody. Not together with a handler.
  void set_listener(std::function<void()> listener);
  /// Queues a whole message and does not wait, so that no stop can cut it. What is written
  /// otherwise comes after it.
  void post(std::string_view message);
  /// Takes effect after what was posted.
  void close_write() override;
  /// How many bytes the peer has told to have consumed.
  std::uint64_t acknowledged() const;
  /// Tells the peer what was read after so many bytes already.
  void report_every(std::uint32_t bytes);
  /// Why the session of the stream has ended; nothing while it goes on.
  std::optional<Error> session_failure() const;
  void close() noexcept override;

 private:
  friend class Mux;
  std::shared_ptr<MuxState> state_;
  yamux::StreamId id_;
};

/// A yamux session over a Stream, with two threads of its own: one reads the transport, one writes
/// it. No caller ever blocks in the transport, so every wait can be stopped.
///
/// The session ends when the transport does or the peer breaks the protocol; every wait then ends
/// with the same Error. Thread-safe.
class Mux : public std::enable_shared_from_this<Mux> {
 public:
  /// `early_input` was read from the transport already.
  Mux(std::unique_ptr<Stream> transport, yamux::Role role, yamux::Limits limits,
      std::span<const std::byte> early_input = {});
  ~Mux() { end(); }
  Mux(const Mux&) = delete;
  Mux& operator=(const Mux&) = delete;

  /// With a `header`, whoever is told of the stream on another one has its header by then.
  std::unique_ptr<MuxStream> open(std::span<const std::byte> header = {});
  /// That stream is one of this session.
  bool has(const MuxStream& stream) const { return stream.state_ == state_; }
  /// Waits for the peer to open a stream.
  std::unique_ptr<MuxStream> accept(const CallOptions& options = {});

  /// The same without waiting; null if there is none. `listener`, under the rules of
  /// MuxStream::set_listener(), is called when there may be one.
  std::unique_ptr<MuxStream> accept_now();
  void set_accept_listener(std::function<void()> listener);
  /// How many streams the peer may have open, instead of what the limits said.
  void limit_accepted(std::size_t most);

  /// Gives what arrives on `stream` to `handler` in the reading thread, instead of to read(). The
  /// handler must not block; an Error that it throws ends the session. Empty data is the end.
  void set_handler(const MuxStream& stream,
                   std::function<void(std::span<const std::byte>)> handler);
  /// Runs `handler` once, when the session has ended, in the thread that ends it, or at once.
  void on_failure(std::function<void(const Error&)> handler);

  /// Why the session has ended; nothing while it goes on.
  std::optional<Error> failure() const;
  /// Ends the session. All waiting calls end with unavailable. May be called more than once.
  void close() noexcept;
  /// The same, waits for the threads and closes the transport. Not from a handler.
  void end() noexcept;

 private:
  std::shared_ptr<MuxState> state_;
  std::once_flag ended_;
  std::thread reader_;
  std::thread writer_;
};

}  // namespace vmkit::agent
