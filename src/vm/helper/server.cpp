// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/server.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "vm/helper/relay.hpp"
#include "vm/helper/values.hpp"
#include "vm/machine_status.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::helper {
namespace {

constexpr std::size_t most_requests = 64;  // at a time
constexpr std::size_t most_streams = 1024;
constexpr std::size_t most_listeners = 256;
constexpr std::size_t most_initrd_bytes = 1 << 30;

/// Sends the backend's log to the owner, who has somewhere to put it.
class ForwardingSink final : public LogSink {
 public:
  explicit ForwardingSink(Channel& channel) : channel_(channel) {}

  void write(const LogRecord& record) noexcept override {
    try {
      Json fields = Json::array();
      for (const LogField& field : record.fields) fields.push_back({field.key, field.value});
      channel_.send({{"method", "log"},
                     {"params",
                      {{"level", static_cast<int>(record.level)},
                       {"module", record.module},
                       {"message", record.message},
                       {"fields", std::move(fields)}}}});
    } catch (const std::exception&) {  // the owner has gone
    }
  }

 private:
  Channel& channel_;
};

class Server {
 public:
  Server(os::Descriptor socket, const BackendMaker& make_backend)
      : channel_(std::move(socket)), make_backend_(make_backend) {}
  ~Server();

  void run();

 private:
  struct Outcome {
    Json result = Json::object();
    os::Descriptor descriptor = {};
  };
  using Method = Outcome (Server::*)(const Json& params, const CallOptions& options);

  void take(Received received);
  void answer(std::uint64_t id, const std::string& method, const Json& request,
              const StopToken& stop);
  CallOptions options_of(std::uint64_t id, const Json& request, const StopToken& stop);
  void tell(const MachineEvent& event);
  Machine& machine();
  Backend& backend();
  Outcome give_stream(std::unique_ptr<Stream> stream, bool half_close);

  Outcome hello(const Json& params, const CallOptions& options);
  Outcome capabilities(const Json& params, const CallOptions& options);
  Outcome validate(const Json& params, const CallOptions& options);
  Outcome network_addresses(const Json& params, const CallOptions& options);
  Outcome new_machine_identifier(const Json& params, const CallOptions& options);
  Outcome create(const Json& params, const CallOptions& options);
  Outcome start(const Json& params, const CallOptions& options);
  Outcome restore(const Json& params, const CallOptions& options);
  Outcome save(const Json& params, const CallOptions& options);
  Outcome stop(const Json& params, const CallOptions& options);
  Outcome kill(const Json& params, const CallOptions& options);
  Outcome pause(const Json& params, const CallOptions& options);
  Outcome resume(const Json& params, const CallOptions& options);
  Outcome open_port(const Json& params, const CallOptions& options);
  Outcome connect_vsock(const Json& params, const CallOptions& options);
  Outcome close(const Json& params, const CallOptions& options);
  Outcome listen_vsock(const Json& params, const CallOptions& options);
  Outcome accept(const Json& params, const CallOptions& options);
  Outcome close_listener(const Json& params, const CallOptions& options);
  Outcome set_share(const Json& params, const CallOptions& options);
  Outcome attach_disk(const Json& params, const CallOptions& options);
  Outcome detach_disk(const Json& params, const CallOptions& options);
  Outcome console_tail(const Json& params, const CallOptions& options);
  Outcome statistics(const Json& params, const CallOptions& options);
  Outcome set_memory_target(const Json& params, const CallOptions& options);
  Outcome diagnostics(const Json& params, const CallOptions& options);
  static const std::map<std::string, Method>& methods();

  Channel channel_;
  const BackendMaker& make_backend_;
  std::mutex mutex_;  // guards what follows, but not what it points to
  std::condition_variable idle_;
  std::shared_ptr<Backend> backend_;
  std::vector<std::byte> initrd_;            // what has come of it
  std::vector<os::Descriptor> descriptors_;  // of networks: borrowed until the machine has started
  std::optional<Machine> machine_;
  EventSubscription subscription_;
  std::map<std::uint64_t, StopSource> running_;
  std::map<std::uint64_t, std::unique_ptr<Relay>> streams_;
  std::map<std::uint64_t, std::shared_ptr<VsockListener>> listeners_;
  std::uint64_t next_ = 1;  // the number of a stream or a listener
};

const std::map<std::string, Server::Method>& Server::methods() {
  static const std::map<std::string, Method> all{
      {"hello", &Server::hello},
      {"capabilities", &Server::capabilities},
      {"validate", &Server::validate},
      {"network_addresses", &Server::network_addresses},
      {"new_machine_identifier", &Server::new_machine_identifier},
      {"create", &Server::create},
      {"start", &Server::start},
      {"restore", &Server::restore},
      {"save", &Server::save},
      {"stop", &Server::stop},
      {"kill", &Server::kill},
      {"pause", &Server::pause},
      {"resume", &Server::resume},
      {"open_port", &Server::open_port},
      {"connect_vsock", &Server::connect_vsock},
      {"close", &Server::close},
      {"listen_vsock", &Server::listen_vsock},
      {"accept", &Server::accept},
      {"close_listener", &Server::close_listener},
      {"set_share", &Server::set_share},
      {"attach_disk", &Server::attach_disk},
      {"detach_disk", &Server::detach_disk},
      {"console_tail", &Server::console_tail},
      {"statistics", &Server::statistics},
      {"set_memory_target", &Server::set_memory_target},
      {"diagnostics", &Server::diagnostics}};
  return all;
}

// The owner has gone: whoever waits in a call is told, then the machine goes.
Server::~Server() {
  std::unique_lock lock(mutex_);
  for (auto& [id, stop] : running_) stop.request_stop();
  Machine* const running = machine_ ? &*machine_ : nullptr;
  lock.unlock();
  if (running != nullptr) running->kill();
  lock.lock();
  idle_.wait(lock, [this] { return running_.empty(); });
  auto streams = std::exchange(streams_, {});
  auto listeners = std::exchange(listeners_, {});
  lock.unlock();
  subscription_ = {};
}

void Server::run() {
  try {
    while (auto received = channel_.receive()) take(std::move(*received));
  } catch (const std::exception&) {  // what no owner says; there is nobody to tell
  }
}

void Server::take(Received received) {
  const std::lock_guard lock(mutex_);
  if (received.message.is_null()) {
    if (received.bytes.size() > most_initrd_bytes - initrd_.size()) {
      throw Error(Errc::resource_exhausted, "the initrd is too large");
    }
    const auto bytes = std::as_bytes(std::span(received.bytes));
    initrd_.insert(initrd_.end(), bytes.begin(), bytes.end());
    return;
  }
  const auto method = received.message.at("method").get<std::string>();
  if (method == "descriptor") {
    if (descriptors_.size() < most_streams) descriptors_.push_back(std::move(received.descriptor));
    return;
  }
  if (method == "cancel") {
    const auto found = running_.find(received.message.at("params").at("id").get<std::uint64_t>());
    if (found == running_.end()) return;
    // Callbacks may take our lock's time, but none takes the lock.
    return found->second.request_stop();
  }
  const auto id = received.message.at("id").get<std::uint64_t>();
  if (running_.contains(id)) throw Error(Errc::data_corruption, "two requests of one number");
  if (running_.size() >= most_requests) {
    const Error error(
        Errc::resource_exhausted,
        "a helper: expected at most " + std::to_string(most_requests) + " calls at a time");
    return channel_.send({{"id", id}, {"error", write_error(error)}});
  }
  const StopToken stop = running_[id].token();
  std::thread([this, id, method, request = std::move(received.message), stop] {
    answer(id, method, request, stop);
    const std::lock_guard done(mutex_);
    running_.erase(id);
    idle_.notify_all();
  }).detach();  // the destructor waits for it
}

CallOptions Server::options_of(std::uint64_t id, const Json& request, const StopToken& stop) {
  CallOptions options{.stop = stop};
  if (const auto limit = request.find("timeout_ms"); limit != request.end()) {
    options = options.with_timeout(std::chrono::milliseconds(limit->get<std::uint32_t>()));
  }
  if (request.contains("progress")) {
    options.progress = [this, id](const Progress& progress) {
      Json params = write_progress(progress);
      params["id"] = id;
      channel_.send({{"method", "progress"}, {"params", std::move(params)}});
    };
  }
  return options;
}

void Server::answer(std::uint64_t id, const std::string& method, const Json& request,
                    const StopToken& stop) {
  Json message{{"id", id}};
  os::Descriptor descriptor;
  const auto fail = [&](const Error& error) { message["error"] = write_error(error); };
  try {
    const auto found = methods().find(method);
    if (found == methods().end()) {
      throw Error(Errc::unsupported, "a helper: no method \"" + method.substr(0, 40) + "\"");
    }
    Outcome outcome = (this->*found->second)(request.at("params"), options_of(id, request, stop));
    message["result"] = std::move(outcome.result);
    descriptor = std::move(outcome.descriptor);
  } catch (const Error& error) {
    fail(error);
  } catch (const Json::exception&) {
    fail(Error(Errc::invalid_argument, "a helper: " + method + ": malformed parameters"));
  } catch (const std::exception& error) {
    fail(Error(Errc::internal, "a helper: " + method + ": " + error.what()));
  }
  try {
    channel_.send(message, descriptor.get());
  } catch (const std::exception&) {  // the owner has gone, or the answer is too long for a frame
    channel_.shut_down();
  }
}

Backend& Server::backend() {
  const std::lock_guard lock(mutex_);
  if (!backend_) throw Error(Errc::failed_precondition, "a helper: expected hello first");
  return *backend_;
}

Machine& Server::machine() {
  const std::lock_guard lock(mutex_);
  if (!machine_) throw Error(Errc::failed_precondition, "a helper: expected create first");
  return *machine_;
}

// With the last one goes what the owner may ask for when the helper is not there any more.
void Server::tell(const MachineEvent& event) {
  Json params = write_event(event);
  if (detail::is_final(event.state)) {
    params["console"] = machine_->console_tail(std::numeric_limits<std::size_t>::max());
    params["diagnostics"] = write_diagnostics(machine_->diagnostics());
  }
  try {
    channel_.send({{"method", "event"}, {"params", std::move(params)}});
  } catch (const std::exception&) {
    channel_.shut_down();
  }
}

Server::Outcome Server::give_stream(std::unique_ptr<Stream> stream, bool half_close) {
  os::DescriptorPair ends = os::make_socket_pair();
  auto relay = std::make_unique<Relay>(std::move(stream), std::move(ends.first), half_close);
  const std::lock_guard lock(mutex_);
  if (streams_.size() >= most_streams) {
    throw Error(Errc::resource_exhausted,
                "expected at most " + std::to_string(most_streams) + " streams of one machine");
  }
  streams_[next_] = std::move(relay);
  return {{{"stream", next_++}}, std::move(ends.second)};
}

Server::Outcome Server::hello(const Json& params, const CallOptions&) {
  const auto version = params.at("version").get<int>();
  if (version != protocol_version) {
    throw Error(Errc::unsupported, "expected an owner of version " +
                                       std::to_string(protocol_version) + ", found " +
                                       std::to_string(version));
  }
  auto made = make_backend_(params.at("options"), std::make_shared<ForwardingSink>(channel_));
  const std::lock_guard lock(mutex_);
  if (backend_) throw Error(Errc::failed_precondition, "a helper: a second hello");
  backend_ = std::move(made);
  return {{{"version", protocol_version}, {"backend", backend_->name()}}};
}

Server::Outcome Server::capabilities(const Json& params, const CallOptions& options) {
  MachineConfig config = read_config(params).config;
  return {write_capabilities(backend().capabilities(config.architecture, options))};
}

namespace {

/// As the owner has it, as far as that can be seen without starting it.
MachineConfig shape_of(const Json& params) {
  Accompanied read = read_config(params);
  if (read.initrd_bytes) read.config.boot.initrd = std::vector<std::byte>(1);
  for (const std::size_t network : read.descriptors) read.config.networks[network].descriptor = 0;
  return std::move(read.config);
}

}  // namespace

Server::Outcome Server::validate(const Json& params, const CallOptions&) {
  return {{{"problems", write_problems(backend().validate(shape_of(params)))}}};
}

Server::Outcome Server::network_addresses(const Json& params, const CallOptions&) {
  return {{{"addresses", write_addresses(backend().network_addresses(shape_of(params)))}}};
}

Server::Outcome Server::new_machine_identifier(const Json&, const CallOptions&) {
  return {{{"identifier", backend().new_machine_identifier()}}};
}

Server::Outcome Server::create(const Json& params, const CallOptions&) {
  Accompanied read = read_config(params);
  Backend& maker = backend();
  {
    const std::lock_guard lock(mutex_);
    if (machine_ || read.descriptors.size() != descriptors_.size()) {
      throw Error(Errc::failed_precondition, "a helper: one machine, with its descriptors");
    }
    for (std::size_t i = 0; i < descriptors_.size(); ++i) {
      read.config.networks[read.descriptors[i]].descriptor = descriptors_[i].get();
    }
    if (read.initrd_bytes) read.config.boot.initrd = std::exchange(initrd_, {});
  }
  Machine made = maker.create(std::move(read.config));
  const std::lock_guard lock(mutex_);
  machine_.emplace(std::move(made));
  subscription_ = machine_->on_event([this](const MachineEvent& event) { tell(event); });
  return {};
}

Server::Outcome Server::start(const Json&, const CallOptions& options) {
  machine().start(options);
  const std::lock_guard lock(mutex_);
  descriptors_.clear();
  return {};
}

Server::Outcome Server::restore(const Json& params, const CallOptions& options) {
  machine().restore(params.at("file").get<std::string>(), options);
  const std::lock_guard lock(mutex_);
  descriptors_.clear();
  return {};
}

Server::Outcome Server::save(const Json& params, const CallOptions& options) {
  machine().save(params.at("file").get<std::string>(), options);
  return {};
}

Server::Outcome Server::stop(const Json& params, const CallOptions& options) {
  machine().stop(std::chrono::milliseconds(params.at("grace_ms").get<std::uint32_t>()), options);
  return {};
}

Server::Outcome Server::kill(const Json&, const CallOptions&) {
  machine().kill();
  return {};
}

Server::Outcome Server::pause(const Json&, const CallOptions& options) {
  machine().pause(options);
  return {};
}

Server::Outcome Server::resume(const Json&, const CallOptions& options) {
  machine().resume(options);
  return {};
}

Server::Outcome Server::open_port(const Json& params, const CallOptions& options) {
  return give_stream(machine().open_port(params.at("name").get<std::string>(), options), false);
}

Server::Outcome Server::connect_vsock(const Json& params, const CallOptions& options) {
  return give_stream(machine().connect_vsock(params.at("port").get<std::uint32_t>(), options),
                     true);
}

Server::Outcome Server::close(const Json& params, const CallOptions&) {
  std::unique_ptr<Relay> closed;  // joins threads: without the lock
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(params.at("stream").get<std::uint64_t>());
  if (found != streams_.end()) {
    closed = std::move(found->second);
    streams_.erase(found);
  }
  return {};
}

Server::Outcome Server::listen_vsock(const Json& params, const CallOptions& options) {
  std::shared_ptr<VsockListener> listener =
      machine().listen_vsock(params.at("port").get<std::uint32_t>(), options);
  const std::lock_guard lock(mutex_);
  if (listeners_.size() >= most_listeners) {
    throw Error(Errc::resource_exhausted, "expected at most " + std::to_string(most_listeners) +
                                              " vsock listeners of one machine");
  }
  listeners_[next_] = std::move(listener);
  return {{{"listener", next_++}}};
}

Server::Outcome Server::accept(const Json& params, const CallOptions& options) {
  std::shared_ptr<VsockListener> listener;
  {
    const std::lock_guard lock(mutex_);
    const auto found = listeners_.find(params.at("listener").get<std::uint64_t>());
    if (found != listeners_.end()) listener = found->second;
  }
  if (!listener) throw Error(Errc::unavailable, "a helper: nobody listens there any more");
  return give_stream(listener->accept(options), true);
}

Server::Outcome Server::close_listener(const Json& params, const CallOptions&) {
  std::shared_ptr<VsockListener> closed;
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find(params.at("listener").get<std::uint64_t>());
  if (found != listeners_.end()) {
    closed = std::move(found->second);
    listeners_.erase(found);
  }
  return {};
}

Server::Outcome Server::set_share(const Json& params, const CallOptions& options) {
  machine().set_share(read_share(params.at("share")), options);
  return {};
}

Server::Outcome Server::attach_disk(const Json& params, const CallOptions& options) {
  machine().attach_disk(read_disk(params.at("disk")), options);
  return {};
}

Server::Outcome Server::detach_disk(const Json& params, const CallOptions& options) {
  machine().detach_disk(params.at("identifier").get<std::string>(), options);
  return {};
}

Server::Outcome Server::console_tail(const Json& params, const CallOptions&) {
  return {{{"lines", machine().console_tail(params.at("lines").get<std::size_t>())}}};
}

Server::Outcome Server::statistics(const Json&, const CallOptions& options) {
  return {write_statistics(machine().statistics(options))};
}

Server::Outcome Server::set_memory_target(const Json& params, const CallOptions& options) {
  machine().set_memory_target(ByteSize(params.at("bytes").get<std::uint64_t>()), options);
  return {};
}

Server::Outcome Server::diagnostics(const Json&, const CallOptions&) {
  return {write_diagnostics(machine().diagnostics())};
}

}  // namespace

void serve(os::Descriptor socket, const BackendMaker& make_backend) {
  Server(std::move(socket), make_backend).run();
}

}  // namespace vmkit::vm::helper
