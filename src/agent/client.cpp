// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <mutex>
#include <random>
#include <utility>

#include "agent/event_queue.hpp"
#include "agent/mux.hpp"
#include "agent/peer.hpp"
#include "agent/preamble_exchange.hpp"
#include "agent/process_impl.hpp"
#include "agent/protocol.hpp"
#include "agent/rpc_client.hpp"
#include "agent/spec_json.hpp"

#include <vmkit/agent/client.hpp>

namespace vmkit::agent {
namespace {

constexpr std::uint32_t output_window = 1024 * 1024;
constexpr std::size_t seed_bytes = 32;
constexpr int kill_signal = 9;  // Linux's, whatever the host

yamux::Limits host_limits() {
  yamux::Limits limits;
  limits.receive_window = output_window;
  limits.max_accepted = 0;  // the agent opens none
  return limits;
}

std::string random_hex(std::size_t bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::random_device random;
  std::string hex;
  for (std::size_t i = 0; i < bytes; ++i) {
    const unsigned value = random();
    hex += digits[value >> 4 & 0xf];
    hex += digits[value & 0xf];
  }
  return hex;
}

template <class Read>
auto read_answer(const char* method, Read read) {
  try {
    return read();
  } catch (const Json::exception&) {
    throw Error(Errc::data_corruption,
                std::string("guest agent, ") + method + ": malformed answer");
  }
}

AgentInfo parse_info(const Json& answer) {
  return read_answer("hello", [&] {
    return AgentInfo{answer.at("protocol").get<std::uint32_t>(),
                     answer.at("agent").get<std::string>(), answer.at("kernel").get<std::string>(),
                     answer.at("architecture").get<std::string>(),
                     answer.at("root_mounted").get<bool>()};
  });
}

std::unique_ptr<MuxStream> open_stdio(Mux& mux, const CallOptions& options) {
  auto stream = mux.open();
  stream->write(protocol::stream_header(protocol::StreamKind::stdio), options);
  return stream;
}

/// The session as others use it, for as long as it is there.
class SessionPeer final : public Peer {
 public:
  SessionPeer(Mux& mux, std::shared_ptr<RpcClient> rpc) : mux_(&mux), rpc_(std::move(rpc)) {}

  std::unique_ptr<MuxStream> open(protocol::StreamKind kind, const CallOptions& options) override {
    std::unique_ptr<MuxStream> stream;
    {
      const std::lock_guard lock(mutex_);
      if (mux_ == nullptr) throw Error(Errc::unavailable, "the guest's client has gone");
      stream = mux_->open();
    }
    stream->write(protocol::stream_header(kind), options);
    return stream;
  }
  RpcClient::CallPtr send(const std::string& method, Json params) override {
    return rpc_->send(method, std::move(params));
  }
  Json wait(RpcClient::Call& call, const CallOptions& options) override {
    return rpc_->wait(call, options);
  }
  void detach() {
    const std::lock_guard lock(mutex_);
    mux_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Mux* mux_;
  std::shared_ptr<RpcClient> rpc_;
};

}  // namespace

class Client::Impl {
 public:
  Impl(std::unique_ptr<Stream> stream, std::span<const std::byte> early_input)
      : mux(std::move(stream), yamux::Role::client, host_limits(), early_input),
        rpc(RpcClient::start(mux, [this](const Json& params) { events.push(params); })),
        peer(std::make_shared<SessionPeer>(mux, rpc)) {}
  ~Impl() { peer->detach(); }

  EventQueue events;  // before the threads that push, so that it goes after them
  Mux mux;
  std::shared_ptr<RpcClient> rpc;
  std::shared_ptr<SessionPeer> peer;
  AgentInfo info;
};

Client Client::connect(std::unique_ptr<Stream> stream, const CallOptions& options) {
  const auto early_input = exchange_preambles(*stream, options);
  auto impl = std::make_unique<Impl>(std::move(stream), early_input);
  impl->info = parse_info(impl->rpc->call("hello", Json::object(), options));
  return Client(std::move(impl));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

const AgentInfo& Client::info() const {
  return impl_->info;
}

void Client::create_container(const ContainerSpec& spec, const CallOptions& options) {
  impl_->rpc->call("create_container", to_json(spec), options);
}

void Client::set_limits(const ResourceLimits& limits, const CallOptions& options) {
  impl_->rpc->call("set_limits", to_json(limits), options);
}

void Client::configure(const GuestSettings& settings, const CallOptions& options) {
  Json params = Json::object();
  if (settings.hostname) params["hostname"] = *settings.hostname;
  if (settings.seed_random) params["random_seed"] = random_hex(seed_bytes);
  if (settings.set_clock) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    params["time_ns"] = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  }
  impl_->rpc->call("configure", std::move(params), options);
}

Process Client::spawn(const ProcessSpec& spec, const CallOptions& options) {
  options.check("starting a process");
  Json request = to_json(spec);
  auto process = std::make_unique<Process::Impl>();
  process->rpc = impl_->rpc;
  Json stdio = Json::object();
  const auto pipe = [&](Stdio mode, const char* name) -> std::unique_ptr<MuxStream> {
    if (mode == Stdio::null) return nullptr;
    auto stream = open_stdio(impl_->mux, options);
    stdio[name] = stream->id();
    return stream;
  };
  if (auto stream = pipe(spec.stdin_mode, "stdin")) {
    process->input = std::make_unique<ProcessInput>(std::move(stream));
  }
  if (auto stream = pipe(spec.stdout_mode, "stdout")) {
    stream->close_write();
    process->output = std::make_unique<ProcessOutput>(std::move(stream));
  }
  if (auto stream = pipe(spec.stderr_mode, "stderr")) {
    stream->close_write();
    process->error = std::make_unique<ProcessOutput>(std::move(stream));
  }
  request["stdio"] = std::move(stdio);
  const auto call = impl_->rpc->send("spawn", std::move(request));
  try {
    const Json answer = impl_->rpc->wait(*call, options);
    read_answer("spawn", [&] {
      process->handle = answer.at("process").get<std::uint64_t>();
      process->pid = answer.at("pid").get<std::int64_t>();
      return 0;
    });
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled || error.code() == Errc::timeout) {
      const std::weak_ptr<RpcClient> weak = impl_->rpc;
      impl_->rpc->abandon(call, [weak](const Json& answer) {
        const auto rpc = weak.lock();
        if (!rpc || !answer.contains("process")) return;
        rpc->send("signal", {{"process", answer["process"]}, {"signal", kill_signal}});
        rpc->send("wait", {{"process", answer["process"]}});
      });
    }
    throw;
  }
  process->exit = impl_->rpc->send("wait", {{"process", process->handle}});
  return Process(std::move(process));
}

Files Client::files() {
  return Files(impl_->peer);
}

void Client::on_event(std::function<void(const GuestEvent&)> handler) {
  impl_->events.listen(std::move(handler));
}

void Client::power_off(const PowerOff& how, const CallOptions& options) {
  impl_->rpc->call("power_off", {{"signal", how.signal}, {"grace_ms", how.grace.count()}}, options);
}

std::optional<Error> Client::failure() const {
  return impl_->mux.failure();
}

void Client::close() noexcept {
  impl_->mux.close();
}

}  // namespace vmkit::agent
