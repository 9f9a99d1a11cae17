// SPDX-License-Identifier: Apache-2.0
#include "agent/link.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/preamble_exchange.hpp"
#include "agent/random_hex.hpp"
#include "agent/stoppable_wait.hpp"

namespace vmkit::agent {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t output_window = 2 * 1024 * 1024;
constexpr std::size_t name_bytes = 16;
constexpr auto first_pause = 5ms;
constexpr auto longest_pause = 500ms;
// An agent that greets and goes, again and again, must not keep us busy.
constexpr int max_sessions_per_second = 100;

yamux::Limits host_limits() {
  yamux::Limits limits;
  limits.receive_window = output_window;
  limits.plenty_to_read = 128 * 1024;
  limits.max_accepted = 0;  // until somebody asks for streams of the agent
  return limits;
}

/// What another try may mend.
bool may_pass(const Error& error) {
  return error.code() == Errc::unavailable || error.code() == Errc::io;
}

}  // namespace

Link::Link(Dialler dialler, const ReconnectOptions& reconnect)
    : dialler_(std::move(dialler)), reconnect_(reconnect), name_(random_hex(name_bytes)) {}

std::shared_ptr<Link> Link::connect(std::unique_ptr<Stream> first, Dialler dialler,
                                    const ReconnectOptions& reconnect, const CallOptions& options) {
  std::shared_ptr<Link> link(new Link(std::move(dialler), reconnect));
  Link* const self = link.get();  // which has the threads that call this
  link->rpc_ = RpcClient::create([self](const Json& params) { self->events_.push(params); });
  try {
    if (first) {
      link->establish(std::move(first), options);
    } else {
      link->dial(options);
      link->keeper_ = std::thread([self] { self->keep_up(); });
    }
  } catch (...) {
    link->shut_down();
    throw;
  }
  return link;
}

void Link::dial(const CallOptions& options) {
  auto pause = std::chrono::duration_cast<Clock::duration>(first_pause);
  for (;;) {
    pace(options);
    try {
      return establish(dialler_(options), options);
    } catch (const Error& error) {
      if (!may_pass(error)) throw;
      options.check("connecting to the guest agent");
      options.stop.wait_for(options.remaining(pause));
      pause = std::min<Clock::duration>(pause * 2, longest_pause);
    }
  }
}

/// Waits if there were too many sessions in this second, those included that were lost before they
/// had begun.
void Link::pace(const CallOptions& options) {
  const auto age = Clock::now() - second_;
  if (age < 1s && sessions_in_second_ < max_sessions_per_second) {
    ++sessions_in_second_;
    return;
  }
  if (age < 1s) options.stop.wait_for(options.remaining(1s - age));
  second_ = Clock::now();
  sessions_in_second_ = 1;
}

void Link::establish(std::unique_ptr<Stream> transport, const CallOptions& options) {
  const auto early_input = exchange_preambles(*transport, options);
  auto mux =
      std::make_shared<Mux>(std::move(transport), yamux::Role::client, host_limits(), early_input);
  std::uint64_t session = 0;
  {
    const std::lock_guard lock(mutex_);
    session_failure_.reset();
    session = ++session_;
  }
  // The Mux waits for its threads, so the handler never outlives us.
  mux->on_failure([this, session](const Error& error) { on_session_failure(session, error); });
  try {
    take_up(mux, rpc_->connect(mux, name_, options));
  } catch (...) {
    // Before there is another one: the threads of this one have a part in requests.
    mux->end();
    const std::lock_guard lock(mutex_);
    mux_.reset();
    throw;
  }
}

void Link::take_up(const std::shared_ptr<Mux>& mux, Json greeting) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = greeting_.is_null();
    if (first) greeting_ = std::move(greeting);
    mux_ = mux;
  }
  changed_.notify_all();
  if (first) return;
  std::vector<std::uint64_t> later;
  for (const auto& one : resumables()) {
    one->name_late_readers(later);
    one->resume(mux);
  }
  // Whoever has not come back by now will not: the agent need not hold anything for it.
  send("resumed", {{"expect", later}});
}

void Link::on_session_failure(std::uint64_t session, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (session != session_) return;
    session_failure_ = error;
  }
  if (dialler_) {
    rpc_->disconnect(error);
  } else {
    lose(error);
  }
  changed_.notify_all();
}

void Link::keep_up() noexcept {
  for (;;) {
    std::shared_ptr<Mux> old;
    Error cause(Errc::unavailable, "");
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return session_failure_ || failure_; });
      if (failure_) return;
      cause = *session_failure_;
      old = std::exchange(mux_, nullptr);
    }
    if (old) old->end();  // its threads, and its transport: the next one may need its place
    try {
      events_.push({{"type", "connection_lost"}, {"message", cause.what()}});
      dial(CallOptions{.stop = stop_.token()}.with_timeout(reconnect_.limit));
      events_.push({{"type", "connection_restored"}});
    } catch (const Error& error) {
      const std::string why =
          error.code() == Errc::failed_precondition ? "" : std::string("; ") + error.what();
      return lose(error.code() == Errc::failed_precondition
                      ? Error(Errc::unavailable, std::string("the session with the guest agent has "
                                                             "ended: ") +
                                                     error.what())
                      : Error(Errc::unavailable, cause.what() + why, cause.native()));
    } catch (const std::exception& error) {
      return lose(Error(Errc::internal, error.what()));
    }
  }
}

void Link::lose(const Error& error) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    failure_ = error;
  }
  changed_.notify_all();
  rpc_->lose(error);
  for (const auto& one : resumables()) one->lose(error);
}

std::vector<std::shared_ptr<Resumable>> Link::resumables() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Resumable>> all;
  for (const auto& weak : resumables_) {
    if (auto one = weak.lock()) all.push_back(std::move(one));
  }
  resumables_.assign(all.begin(), all.end());
  return all;
}

std::shared_ptr<Mux> Link::mux() const {
  const std::lock_guard lock(mutex_);
  if (failure_) throw *failure_;
  return session_failure_ ? nullptr : mux_;
}

bool Link::has(const std::weak_ptr<Mux>& session) const {
  const auto mux = session.lock();
  const std::lock_guard lock(mutex_);
  return mux && mux == mux_ && !session_failure_ && !failure_;
}

bool Link::wait_for_session(const CallOptions& options) {
  StoppableWait waiting(mutex_, changed_, options, "waiting for a session with the guest agent");
  std::unique_lock lock(mutex_);
  while (!failure_ && (session_failure_ || !mux_)) waiting.wait(lock);
  return !failure_;
}

std::unique_ptr<MuxStream> Link::open(protocol::StreamKind kind, const CallOptions& options) {
  wait_for_session(options);
  const auto now = mux();
  if (!now) throw Error(Errc::unavailable, "the session with the guest agent was lost");
  return now->open(protocol::stream_header(kind));
}

RpcClient::CallPtr Link::send(const std::string& method, Json params) {
  RpcClient::Sending sending;
  sending.this_session_only = true;
  return rpc_->send(method, std::move(params), std::move(sending));
}

RpcClient::CallPtr Link::send(const std::string& method, Json params, const MuxStream& stream) {
  RpcClient::Sending sending;
  sending.this_session_only = true;
  sending.stream = &stream;
  params["stream"] = stream.id();
  return rpc_->send(method, std::move(params), std::move(sending));
}

Json Link::wait(RpcClient::Call& call, const CallOptions& options) {
  return rpc_->wait(call, options);
}

std::optional<Error> Link::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void Link::add(const std::weak_ptr<Resumable>& resumable) {
  const std::lock_guard lock(mutex_);
  // Now and then, so that those that are gone do not gather.
  if (resumables_.size() >= 16 && resumables_.size() == resumables_.capacity()) {
    std::erase_if(resumables_, [](const auto& weak) { return weak.expired(); });
  }
  resumables_.push_back(resumable);
}

std::uint64_t Link::next_number() {
  const std::lock_guard lock(mutex_);
  return next_number_++;
}

void Link::close() noexcept {
  std::shared_ptr<Mux> mux;
  {
    const std::lock_guard lock(mutex_);
    mux = mux_;
  }
  lose(Error(Errc::unavailable, "the session with the guest agent has ended: closed by this side"));
  stop_.request_stop();
  if (mux) mux->close();
}

void Link::shut_down() noexcept {
  close();
  if (keeper_.joinable()) keeper_.join();
  std::shared_ptr<Mux> mux;
  {
    const std::lock_guard lock(mutex_);
    mux = std::exchange(mux_, nullptr);
  }
  if (mux) mux->end();
  events_.stop();
}

}  // namespace vmkit::agent
