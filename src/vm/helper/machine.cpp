// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/machine.hpp"

#include <utility>

#include "vm/helper/stream.hpp"
#include "vm/helper/values.hpp"
#include "vm/network.hpp"

namespace vmkit::vm::helper {
namespace {

// From a machine's end to its helper's.
constexpr auto farewell = std::chrono::seconds(2);

template <class Read>
auto read_answer(const char* method, Read read) {
  try {
    return read();
  } catch (const Json::exception&) {
    throw Error(Errc::data_corruption,
                std::string("a helper answered ") + method + " with what is no answer to it");
  }
}

}  // namespace

HelperMachine::HelperMachine(MachineConfig config, detail::MachineStatus& status, Connector connect,
                             std::chrono::milliseconds response_limit)
    : config_(std::move(config)),
      status_(status),
      connect_(std::move(connect)),
      response_limit_(response_limit),
      what_("machine " + config_.name) {}

HelperMachine::~HelperMachine() {
  request_kill();
  if (events_.joinable()) events_.join();
}

std::shared_ptr<Connection> HelperMachine::connection(const char* call) const {
  const std::lock_guard lock(mutex_);
  if (connection_) return connection_;
  throw Error(Errc::failed_precondition, what_ + ": " + call + ": it has no helper yet");
}

Connection::Answer HelperMachine::call(const char* method, Json params,
                                       const CallOptions& options) const {
  const auto helper = connection(method);
  try {
    return helper->call(method, std::move(params), options);
  } catch (const Error& error) {
    // Those of the helper's machine are as they are to be.
    if (!std::string_view(error.what()).starts_with(Connection::name_prefix)) throw;
    throw error.with_context(what_);
  }
}

/// For what changes its state from `from`: returns when that is known here. What the helper tells
/// of it may come after its answer.
void HelperMachine::change(MachineState from, const char* method, Json params,
                           const CallOptions& options) {
  const auto has_left = [from](MachineState state) { return state != from; };
  try {
    call(method, std::move(params), options);
  } catch (const Error&) {
    // A helper that is lost is lost with its machine.
    if (connection(method)->lost()) status_.wait_for(detail::is_final, what_);
    throw;
  }
  status_.wait_for(has_left, what_ + ": " + method, CallOptions{}.with_timeout(response_limit_));
}

void HelperMachine::start(const CallOptions& options) {
  launch("start", Json::object(), options);
}

void HelperMachine::restore(const std::filesystem::path& file, const CallOptions& options) {
  launch("restore", {{"file", file.native()}}, options);
}

void HelperMachine::launch(const std::string& method, const Json& params,
                           const CallOptions& options) {
  try {
    std::shared_ptr<Connection> helper;
    try {
      helper = connect_(options);
    } catch (const Error& error) {
      throw error.with_context(what_);
    }
    {
      const std::lock_guard lock(mutex_);
      connection_ = std::move(helper);
      events_ = std::thread([this] { run(); });
    }
    send_config();
    bool killed = false;
    {
      const std::lock_guard lock(mutex_);
      killed = kill_deadline_.has_value();
    }
    if (killed) throw Error(Errc::failed_precondition, what_ + ": it was killed");
    change(MachineState::starting, method.c_str(), params, options);
    if (detail::is_final(status_.state())) {
      throw Error(Errc::failed_precondition, what_ + ": it was killed");
    }
  } catch (const Error& error) {
    std::shared_ptr<Connection> helper;
    bool killed = false;
    {
      const std::lock_guard lock(mutex_);
      launch_error_ = error;
      helper = connection_;
      killed = kill_deadline_.has_value();
    }
    // It may have told of its machine's end already; else it is this.
    if (helper) helper->end(farewell);
    if (events_.joinable()) events_.join();
    if (killed) status_.enter(MachineState::stopped, MachineEventReason::killed);
    throw;
  }
}

void HelperMachine::send_config() {
  const auto helper = connection("start");
  for (std::size_t i = 0; i < config_.networks.size(); ++i) {
    if (config_.networks[i].kind != NetworkKind::descriptor) continue;
    try {
      helper->send_descriptor(detail::duplicate_frame_socket(config_.networks[i].descriptor).get());
    } catch (const Error& error) {
      throw error.with_context(what_ + ": networks[" + std::to_string(i) + "]");
    }
  }
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&config_.boot.initrd)) {
    helper->send_bytes(*bytes);
  }
  call("create", write_config(config_), CallOptions{}.with_timeout(response_limit_));
}

void HelperMachine::save(const std::filesystem::path& file, const CallOptions& options) {
  call("save", {{"file", file.native()}}, options);
}

void HelperMachine::request_kill() noexcept {
  std::shared_ptr<Connection> helper;
  {
    const std::lock_guard lock(mutex_);
    if (!kill_deadline_)
      kill_deadline_ = std::chrono::steady_clock::now() + patience(response_limit_);
    helper = connection_;
  }
  // A helper that does not do it in time is killed itself: see run().
  if (!helper) return;
  helper->tell("kill", Json::object());
  helper->wake();  // for the deadline
}

// What comes after the grace time is for the owner to do.
void HelperMachine::press_power_button(const CallOptions& options) {
  constexpr std::chrono::milliseconds for_ever = std::chrono::hours(24 * 30);
  change(MachineState::stopping, "stop", {{"grace_ms", for_ever.count()}}, options);
}

void HelperMachine::pause(const CallOptions& options) {
  change(MachineState::running, "pause", Json::object(), options);
}

void HelperMachine::resume(const CallOptions& options) {
  change(MachineState::paused, "resume", Json::object(), options);
}

std::unique_ptr<Stream> HelperMachine::open_port(std::string_view name,
                                                 const CallOptions& options) {
  auto answer = call("open_port", {{"name", name}}, options.with_timeout(response_limit_));
  return make_port_stream(connection("open_port"), std::move(answer));
}

std::unique_ptr<Stream> HelperMachine::connect_vsock(std::uint32_t port,
                                                     const CallOptions& options) {
  auto answer = call("connect_vsock", {{"port", port}}, options.with_timeout(response_limit_));
  return make_vsock_stream(connection("connect_vsock"), std::move(answer));
}

std::unique_ptr<VsockListener> HelperMachine::listen_vsock(std::uint32_t port,
                                                           const CallOptions& options) {
  const auto answer = call("listen_vsock", {{"port", port}}, options.with_timeout(response_limit_));
  return make_vsock_listener(connection("listen_vsock"), answer);
}

void HelperMachine::set_share(const Share& share, const CallOptions& options) {
  call("set_share", {{"share", write_share(share)}}, options.with_timeout(response_limit_));
}

void HelperMachine::attach_disk(const Disk& disk, const CallOptions& options) {
  call("attach_disk", {{"disk", write_disk(disk)}}, options.with_timeout(response_limit_));
}

void HelperMachine::detach_disk(std::string_view identifier, const CallOptions& options) {
  call("detach_disk", {{"identifier", identifier}}, options.with_timeout(response_limit_));
}

std::vector<std::string> HelperMachine::console_tail(std::size_t lines) const {
  {
    const std::lock_guard lock(mutex_);
    if (!connection_) return {};
    if (over_) {
      const std::size_t count = std::min(lines, last_console_.size());
      return {last_console_.end() - static_cast<std::ptrdiff_t>(count), last_console_.end()};
    }
  }
  try {
    const auto answer =
        call("console_tail", {{"lines", lines}}, CallOptions{}.with_timeout(response_limit_));
    return read_answer("console_tail",
                       [&] { return answer.result.at("lines").get<std::vector<std::string>>(); });
  } catch (const Error&) {  // as a machine that has said nothing
    return {};
  }
}

MachineStatistics HelperMachine::statistics(const CallOptions& options) {
  const auto answer = call("statistics", Json::object(), options.with_timeout(response_limit_));
  return read_answer("statistics", [&] { return read_statistics(answer.result); });
}

void HelperMachine::set_memory_target(ByteSize target, const CallOptions& options) {
  call("set_memory_target", {{"bytes", target.bytes()}}, options.with_timeout(response_limit_));
}

MachineDiagnostics HelperMachine::diagnostics() const {
  {
    const std::lock_guard lock(mutex_);
    if (!connection_ || over_) return last_diagnostics_;
  }
  try {
    const auto answer =
        call("diagnostics", Json::object(), CallOptions{}.with_timeout(response_limit_));
    return read_answer("diagnostics", [&] { return read_diagnostics(answer.result); });
  } catch (const Error&) {
    const std::lock_guard lock(mutex_);
    return last_diagnostics_;
  }
}

/// The thread of the events: handlers may ask the helper things meanwhile.
void HelperMachine::run() {
  const auto helper = connection("start");
  std::optional<Error> failure;
  for (bool ended = false; !ended && !failure;) {
    std::optional<std::chrono::steady_clock::time_point> deadline;
    {
      const std::lock_guard lock(mutex_);
      deadline = kill_deadline_;
    }
    try {
      if (const auto event = helper->next_event(deadline)) {
        ended = apply(*event);
      } else if (auto lost = helper->lost()) {
        failure = lost->with_context(what_);
      } else if (deadline && *deadline <= std::chrono::steady_clock::now()) {
        helper->end(std::chrono::milliseconds(0));
      }
    } catch (const std::exception& error) {
      helper->lose(Errc::data_corruption, std::string("an event of its machine: ") + error.what());
    }
  }
  if (!failure) return;
  helper->end(std::chrono::milliseconds(0));
  bool killed = false;
  {
    const std::lock_guard lock(mutex_);
    if (launch_error_) failure = launch_error_;
    killed = kill_deadline_.has_value();
  }
  if (killed) {
    finish(MachineState::stopped, MachineEventReason::killed, std::nullopt);
  } else {
    finish(MachineState::failed, MachineEventReason::failed, failure);
  }
}

/// True if it was the last.
bool HelperMachine::apply(const Json& json) {
  const MachineEvent event = read_event(json);
  const bool last = detail::is_final(event.state);
  if (last) {
    auto console = json.at("console").get<std::vector<std::string>>();
    auto diagnostics = read_diagnostics(json.at("diagnostics"));
    std::optional<Error> given_up;
    // What is asked of the helper from here on is answered here.
    {
      const std::lock_guard lock(mutex_);
      last_console_ = std::move(console);
      last_diagnostics_ = std::move(diagnostics);
      if (!kill_deadline_) given_up = launch_error_;
    }
    if (given_up && event.reason == MachineEventReason::killed) {
      // By the helper, which ends its machine when the owner of a start has given it up.
      finish(MachineState::failed, MachineEventReason::failed, given_up);
    } else {
      finish(event.state, event.reason, event.error);
    }
    return true;
  }
  switch (event.reason) {
    case MachineEventReason::start_requested:
    case MachineEventReason::stop_requested:
      break;  // by whoever is here
    case MachineEventReason::boot_retried:
    case MachineEventReason::device_lost:
      status_.announce(event.reason, event.error);
      break;
    default:
      status_.enter(event.state, event.reason, event.error);
      break;
  }
  return false;
}

void HelperMachine::finish(MachineState state, MachineEventReason reason,
                           std::optional<Error> error) {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  connection("end")->end(farewell);
  status_.enter(state, reason, std::move(error));
}

}  // namespace vmkit::vm::helper
