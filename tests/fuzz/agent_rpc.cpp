// SPDX-License-Identifier: Apache-2.0
// What the agent may send on the first stream: the host's requests end, one way or another.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "agent/event_queue.hpp"
#include "agent/mux.hpp"
#include "agent/rpc_client.hpp"
#include "agent/yamux/engine.hpp"
#include "fuzz/target.hpp"

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

/// A transport whose other end has said all that it will, wrapped into the frames of a stream.
class Said final : public Stream {
 public:
  explicit Said(std::string_view text) {
    while (!text.empty()) {
      const std::string_view part = text.substr(0, 60'000);
      text.remove_prefix(part.size());
      std::array<std::byte, yamux::header_size> header;
      yamux::encode({yamux::FrameType::data, 0, 1, static_cast<std::uint32_t>(part.size())},
                    header);
      bytes_.insert(bytes_.end(), header.begin(), header.end());
      const auto data = std::as_bytes(std::span(part));
      bytes_.insert(bytes_.end(), data.begin(), data.end());
    }
  }
  std::size_t read(std::span<std::byte> buffer) override {
    std::unique_lock lock(mutex_);
    asked_.wait(lock, [this] { return written_ || closed_; });  // not before the stream is open
    const std::size_t count = closed_ ? 0 : std::min(buffer.size(), bytes_.size() - at_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, buffer.begin());
    at_ += count;
    return count;
  }
  void write(std::span<const std::byte>) override {
    const std::lock_guard lock(mutex_);
    written_ = true;
    asked_.notify_all();
  }
  void close_write() override {}
  void close() noexcept override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    asked_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable asked_;
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
  bool written_ = false;
  bool closed_ = false;
};

const vmkit::fuzz::Target target("agent_rpc", [](std::string_view input) {
  EventQueue events;
  const auto rpc = RpcClient::create([&](const Json& params) { events.push(params); });
  const auto mux =
      std::make_shared<Mux>(std::make_unique<Said>(input), yamux::Role::client, yamux::Limits{});
  mux->on_failure([&](const Error& error) { rpc->lose(error); });
  const auto documented = {Errc::unavailable,
                           Errc::data_corruption,
                           Errc::invalid_argument,
                           Errc::not_found,
                           Errc::permission_denied,
                           Errc::failed_precondition,
                           Errc::unsupported,
                           Errc::internal,
                           Errc::resource_exhausted,
                           Errc::already_exists,
                           Errc::io,
                           Errc::cancelled,
                           Errc::timeout,
                           Errc::unauthenticated};
  const CallOptions soon = CallOptions{}.with_timeout(std::chrono::seconds(20));
  accepts(documented, [&] {
    rpc->connect(mux, "fuzz", soon);
    const auto first = rpc->send("list_processes", Json::object());
    const auto second = rpc->send("wait", Json::object());
    rpc->wait(*first, soon);
    rpc->wait(*second, soon);
  });
  mux->end();
  require(mux->failure().has_value(), "a session ends with its transport");
});

}  // namespace
