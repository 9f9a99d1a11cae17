// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "agent/endpoint_json.hpp"
#include "agent/exit_status.hpp"
#include "agent/forward_impl.hpp"
#include "agent/interface_json.hpp"
#include "agent/link.hpp"
#include "agent/process_impl.hpp"
#include "agent/random_hex.hpp"
#include "agent/spec_json.hpp"
#include "agent/statistics_json.hpp"

#include <vmkit/agent/client.hpp>

namespace vmkit::agent {
namespace {

constexpr std::size_t seed_bytes = 32;

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

ProcessInfo parse_process(const Json& told) {
  ProcessInfo info{told.at("process").get<std::uint64_t>(), told.at("pid").get<std::int64_t>(),
                   told.at("program").get<std::string>(), told.at("terminal").get<bool>()};
  if (const auto status = told.find("status"); status != told.end()) {
    info.status = parse_exit_status(*status);
  }
  return info;
}

void check_kinds(const Endpoint& listen, const Endpoint& target) {
  const bool datagrams = listen.kind == Endpoint::Kind::udp;
  if (datagrams == (target.kind == Endpoint::Kind::udp)) return;
  throw Error(Errc::invalid_argument, "forward " + to_string(listen) + " to " + to_string(target) +
                                          ": expected UDP at both ends, or at none");
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(std::shared_ptr<Link> its_link)
      : link(std::move(its_link)), forwards(std::make_shared<ForwardLoop>(link)) {
    link->add(forwards);
  }
  ~Impl() {
    forwards->shut_down();
    link->shut_down();
  }

  const std::shared_ptr<Link> link;
  const std::shared_ptr<ForwardLoop> forwards;
  AgentInfo info;
};

Client Client::connect(std::unique_ptr<Stream> stream, const CallOptions& options) {
  auto impl = std::make_unique<Impl>(Link::connect(std::move(stream), {}, {}, options));
  impl->info = parse_info(impl->link->greeting());
  return Client(std::move(impl));
}

Client Client::connect(Dialler dialler, const ReconnectOptions& reconnect,
                       const CallOptions& options) {
  auto impl =
      std::make_unique<Impl>(Link::connect(nullptr, std::move(dialler), reconnect, options));
  impl->info = parse_info(impl->link->greeting());
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
  impl_->link->rpc()->call("create_container", to_json(spec), options);
}

void Client::set_limits(const ResourceLimits& limits, const CallOptions& options) {
  impl_->link->rpc()->call("set_limits", to_json(limits), options);
}

void Client::configure(const GuestSettings& settings, const CallOptions& options) {
  Json params = Json::object();
  if (settings.hostname) params["hostname"] = *settings.hostname;
  if (settings.seed_random) params["random_seed"] = random_hex(seed_bytes);
  if (settings.set_clock) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    params["time_ns"] = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  }
  impl_->link->rpc()->call("configure", std::move(params), options);
}

std::vector<ConfiguredInterface> Client::configure_network(
    const std::vector<InterfaceConfig>& interfaces, const CallOptions& options,
    std::chrono::milliseconds dhcp_limit) {
  Json list = Json::array();
  for (const InterfaceConfig& interface : interfaces) list.push_back(to_json(interface));
  const Json answer = impl_->link->rpc()->call(
      "configure_network", {{"interfaces", std::move(list)}, {"limit_ms", dhcp_limit.count()}},
      options);
  return read_answer("configure_network",
                     [&] { return parse_configured(answer.at("interfaces"), interfaces); });
}

Process Client::spawn(const ProcessSpec& spec, const CallOptions& options) {
  return Process(Process::Impl::spawn(impl_->link, spec, options));
}

Process Client::attach(std::uint64_t handle, const AttachOptions& attach,
                       const CallOptions& options) {
  return Process(Process::Impl::attach(impl_->link, handle, attach, options));
}

std::vector<ProcessInfo> Client::processes(const CallOptions& options) {
  const Json answer = impl_->link->rpc()->call("list_processes", Json::object(), options);
  return read_answer("list_processes", [&] {
    std::vector<ProcessInfo> all;
    for (const Json& one : answer.at("processes")) all.push_back(parse_process(one));
    return all;
  });
}

Statistics Client::statistics(const CallOptions& options) {
  const Json answer = impl_->link->rpc()->call("statistics", Json::object(), options);
  return read_answer("statistics", [&] { return parse_statistics(answer); });
}

std::vector<RunningProcess> Client::top(const CallOptions& options) {
  const Json answer = impl_->link->rpc()->call("top", Json::object(), options);
  return read_answer("top", [&] { return parse_top(answer); });
}

Files Client::files() {
  return Files(impl_->link);
}

Forward Client::forward(const Endpoint& listen, const Endpoint& target,
                        const ForwardOptions& options) {
  check_kinds(listen, target);
  return forward(HostListener::open(listen, options), target);
}

Forward Client::forward(HostListener listener, const Endpoint& target) {
  HostListener::Impl& from = *listener.impl_;
  check_kinds(from.endpoint, target);
  auto forward = std::make_unique<Forward::Impl>();
  forward->loop = impl_->forwards;
  forward->listening = from.endpoint;
  forward->target = target;
  forward->number =
      impl_->forwards->add(std::move(from.socket), from.endpoint, target, from.options);
  from.path.clear();  // the loop's to remove
  return Forward(std::move(forward));
}

Forward Client::forward_from_guest(const Endpoint& listen, const Endpoint& target,
                                   const ForwardOptions& options, const CallOptions& call_options) {
  check_kinds(listen, target);
  auto forward = std::make_unique<Forward::Impl>();
  forward->loop = impl_->forwards;
  forward->listening = listen;
  forward->target = target;
  forward->number =
      impl_->forwards->add_from_guest(forward->listening, target, options, call_options);
  return Forward(std::move(forward));
}

std::unique_ptr<Connection> Client::open_connection(const Endpoint& target,
                                                    const CallOptions& options) {
  if (target.kind == Endpoint::Kind::udp) {
    throw Error(Errc::invalid_argument, "a connection to the guest: expected TCP or a unix socket");
  }
  auto stream = impl_->link->open(protocol::StreamKind::connection, options);
  impl_->link->wait(*impl_->link->send("connect", endpoint_json(target), *stream), options);
  return std::make_unique<Connection>(std::move(stream));
}

void Client::on_event(std::function<void(const GuestEvent&)> handler) {
  impl_->link->events().listen(std::move(handler));
}

void Client::freeze(std::chrono::milliseconds limit, const CallOptions& options) {
  impl_->link->rpc()->call("freeze", {{"limit_ms", limit.count()}}, options);
}

void Client::thaw(const CallOptions& options) {
  impl_->link->rpc()->call("thaw", Json::object(), options);
}

ByteSize Client::trim(const CallOptions& options) {
  const Json answer = impl_->link->rpc()->call("trim", Json::object(), options);
  return read_answer("trim", [&] { return ByteSize(answer.at("bytes").get<std::uint64_t>()); });
}

void Client::power_off(const PowerOff& how, const CallOptions& options) {
  impl_->link->rpc()->call("power_off", {{"signal", how.signal}, {"grace_ms", how.grace.count()}},
                           options);
}

ByteSize Client::probe(ByteSize to_guest, ByteSize from_guest, const CallOptions& options) {
  constexpr std::size_t portion = 256 * 1024;
  const auto stream = impl_->link->open(protocol::StreamKind::probe, options);
  const Json answer = impl_->link->wait(
      *impl_->link->send("probe", {{"bytes", from_guest.bytes()}}, *stream), options);
  std::vector<std::byte> buffer(portion);
  for (std::uint64_t left = to_guest.bytes(); left != 0;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, portion));
    stream->write(std::span(buffer).first(count), options);
    left -= count;
  }
  stream->close_write();
  std::uint64_t received = 0;
  while (received <= from_guest.bytes()) {
    const std::size_t count = stream->read(buffer, options);
    if (count == 0) break;
    received += count;
  }
  if (received != from_guest.bytes()) {
    throw Error(Errc::data_corruption, "guest agent, probe: expected " + to_string(from_guest) +
                                           ", got " + std::to_string(received) + " bytes");
  }
  return read_answer("probe", [&] { return ByteSize(answer.at("resident").get<std::uint64_t>()); });
}

std::optional<Error> Client::failure() const {
  return impl_->link->failure();
}

void Client::close() noexcept {
  impl_->link->close();
}

}  // namespace vmkit::agent
