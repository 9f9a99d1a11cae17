// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "vm/least_memory.hpp"
#include "vm/machine_impl.hpp"

#include <vmkit/vm/machine.hpp>

namespace vmkit::vm {

using detail::is_final;

detail::MachineDriver::~MachineDriver() = default;

std::unique_ptr<Stream> detail::MachineDriver::connect_vsock(std::uint32_t, const CallOptions&) {
  throw Error(Errc::unsupported, "this backend gives machines no vsock");
}

std::unique_ptr<VsockListener> detail::MachineDriver::listen_vsock(std::uint32_t,
                                                                   const CallOptions&) {
  throw Error(Errc::unsupported, "this backend does not take vsock connections from guests");
}

void detail::MachineDriver::set_share(const Share&, const CallOptions&) {
  throw Error(Errc::unsupported, "this backend cannot change the shares of a running machine");
}

void detail::MachineDriver::attach_disk(const Disk&, const CallOptions&) {
  throw Error(Errc::unsupported, "this backend cannot plug disks into a running machine");
}

void detail::MachineDriver::detach_disk(std::string_view, const CallOptions&) {
  throw Error(Errc::unsupported, "this backend cannot pull disks out of a running machine");
}

VsockListener::~VsockListener() = default;

std::string_view to_string(MachineState state) noexcept {
  switch (state) {
    case MachineState::created:
      return "created";
    case MachineState::starting:
      return "starting";
    case MachineState::running:
      return "running";
    case MachineState::paused:
      return "paused";
    case MachineState::stopping:
      return "stopping";
    case MachineState::stopped:
      return "stopped";
    case MachineState::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(MachineEventReason reason) noexcept {
  switch (reason) {
    case MachineEventReason::start_requested:
      return "start_requested";
    case MachineEventReason::started:
      return "started";
    case MachineEventReason::restored:
      return "restored";
    case MachineEventReason::adopted:
      return "adopted";
    case MachineEventReason::paused:
      return "paused";
    case MachineEventReason::resumed:
      return "resumed";
    case MachineEventReason::stop_requested:
      return "stop_requested";
    case MachineEventReason::boot_retried:
      return "boot_retried";
    case MachineEventReason::guest_stopped:
      return "guest_stopped";
    case MachineEventReason::guest_crashed:
      return "guest_crashed";
    case MachineEventReason::device_lost:
      return "device_lost";
    case MachineEventReason::killed:
      return "killed";
    case MachineEventReason::failed:
      return "failed";
  }
  return "unknown";
}

namespace {

/// "failed (…why…)": a state as an error message shows it.
std::string describe(const detail::MachineImpl& impl, MachineState state) {
  std::string text(to_string(state));
  if (is_final(state)) {
    const MachineEvent event = impl.status.final_event();
    text += event.error ? " (" + std::string(event.error->what()) + ")"
                        : " (" + std::string(to_string(event.reason)) + ")";
  }
  return text;
}

[[noreturn]] void throw_wrong_state(const detail::MachineImpl& impl, std::string_view call,
                                    std::string_view expected) {
  const MachineState found = impl.status.state();
  throw Error(Errc::failed_precondition, "machine " + impl.config.name + ": " + std::string(call) +
                                             ": expected it " + std::string(expected) +
                                             ", found it " + describe(impl, found));
}

/// Whatever goes wrong in it, the machine has failed then.
template <class Launch>
void begin(detail::MachineImpl& impl, std::string_view call, const CallOptions& options,
           Launch launch) {
  options.check(std::string(call) + " machine " + impl.config.name);
  if (!impl.status.enter(MachineState::starting, MachineEventReason::start_requested)) {
    throw_wrong_state(impl, call, "created");
  }
  try {
    launch();
  } catch (const Error& error) {
    impl.status.enter(MachineState::failed, MachineEventReason::failed, error);
    throw;
  } catch (const std::exception& error) {
    const Error named(Errc::internal, "machine " + impl.config.name + ": " + error.what());
    impl.status.enter(MachineState::failed, MachineEventReason::failed, named);
    throw named;
  }
}

bool has_processors(MachineState state) {
  return state == MachineState::running || state == MachineState::paused ||
         state == MachineState::stopping;
}

/// For what changes in a machine that runs: as if it had been so from the start.
void check_part(const MachineConfig& config, const std::string& field, const std::string& what) {
  for (const ConfigProblem& problem : validate(config)) {
    if (!problem.field.starts_with(field)) continue;
    throw Error(Errc::invalid_argument,
                what + ": " + problem.field.substr(field.size()) + ": " + problem.message);
  }
}

/// For a call about one of the machine's devices: it must have been asked for, and be there.
void check_device(const detail::MachineImpl& impl, const std::string& call, bool has_it,
                  const char* device, const char* member) {
  if (!has_it) {
    throw Error(Errc::failed_precondition, "machine " + impl.config.name + ": " + call +
                                               ": its configuration has no " + device +
                                               "; set MachineConfig::" + member);
  }
  if (!has_processors(impl.status.state())) throw_wrong_state(impl, call, "running or paused");
}

}  // namespace

Machine::Machine(std::unique_ptr<detail::MachineImpl> impl) : impl_(std::move(impl)) {}
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;
Machine::~Machine() = default;  // the driver kills

const MachineConfig& Machine::config() const noexcept {
  return impl_->config;
}

MachineState Machine::state() const noexcept {
  return impl_->status.state();
}

void Machine::start(const CallOptions& options) {
  begin(*impl_, "start", options, [&] { impl_->driver->start(options); });
}

void Machine::restore(const std::filesystem::path& file, const CallOptions& options) {
  begin(*impl_, "restore", options, [&] { impl_->driver->restore(file, options); });
}

void Machine::save(const std::filesystem::path& file, const CallOptions& options) {
  if (state() != MachineState::paused) throw_wrong_state(*impl_, "save", "paused");
  if (std::filesystem::exists(std::filesystem::symlink_status(file))) {
    throw Error(Errc::already_exists, "machine " + impl_->config.name + ": save " + file.string() +
                                          ": there is a file of that name; remove it first");
  }
  impl_->driver->save(file, options);
}

void Machine::stop(std::chrono::milliseconds grace, const CallOptions& options) {
  detail::MachineStatus& status = impl_->status;
  if (status.enter_from(MachineState::created, MachineState::stopped, MachineEventReason::killed)) {
    return;
  }
  const std::string what = "stop machine " + impl_->config.name;
  options.check(what);
  const CallOptions within_grace = options.with_timeout(grace);
  try {
    if (status.state() == MachineState::paused) impl_->driver->resume(within_grace);
    status.enter(MachineState::stopping, MachineEventReason::stop_requested);
    if (grace.count() > 0) impl_->driver->press_power_button(within_grace);
    status.wait_for(is_final, what, within_grace);
    return;
  } catch (const Error&) {
    // The button could not be pressed, or pressing it had no effect in time. Only the plug is
    // left, unless it is the caller who gives up.
    if (is_final(status.state())) return;
    options.check(what);
  }
  kill();
}

void Machine::kill() noexcept {
  if (impl_->status.enter_from(MachineState::created, MachineState::stopped,
                               MachineEventReason::killed)) {
    return;
  }
  impl_->driver->request_kill();
  impl_->status.wait_for(is_final, "kill");
}

void Machine::pause(const CallOptions& options) {
  if (state() == MachineState::paused) return;
  if (state() != MachineState::running) throw_wrong_state(*impl_, "pause", "running");
  impl_->driver->pause(options);
  if (state() != MachineState::paused) throw_wrong_state(*impl_, "pause", "paused by now");
}

void Machine::resume(const CallOptions& options) {
  if (state() == MachineState::running) return;
  if (state() != MachineState::paused) throw_wrong_state(*impl_, "resume", "paused");
  impl_->driver->resume(options);
  if (state() != MachineState::running) throw_wrong_state(*impl_, "resume", "running by now");
}

MachineEvent Machine::wait(const CallOptions& options) {
  if (state() == MachineState::created) throw_wrong_state(*impl_, "wait", "started");
  impl_->status.wait_for(is_final, "wait for machine " + impl_->config.name, options);
  return impl_->status.final_event();
}

EventSubscription Machine::on_event(MachineEventHandler handler) {
  return impl_->status.subscribe(std::move(handler));
}

std::unique_ptr<Stream> Machine::open_port(std::string_view name, const CallOptions& options) {
  const std::string what = "open port " + std::string(name) + " of machine " + impl_->config.name;
  options.check(what);
  const auto& ports = impl_->config.ports;
  const bool known =
      std::any_of(ports.begin(), ports.end(), [&](const Port& port) { return port.name == name; });
  if (!known) throw Error(Errc::not_found, what + ": its configuration has no such port");
  const MachineState found = state();
  if (found == MachineState::created || is_final(found)) {
    throw_wrong_state(*impl_, "open port " + std::string(name), "running");
  }
  return impl_->driver->open_port(name, options);
}

std::unique_ptr<Stream> Machine::connect_vsock(std::uint32_t port, const CallOptions& options) {
  const std::string call = "connect to vsock port " + std::to_string(port);
  options.check("machine " + impl_->config.name + ": " + call);
  check_device(*impl_, call, impl_->config.vsock, "vsock", "vsock");
  return impl_->driver->connect_vsock(port, options);
}

std::unique_ptr<VsockListener> Machine::listen_vsock(std::uint32_t port,
                                                     const CallOptions& options) {
  const std::string call = "listen on vsock port " + std::to_string(port);
  options.check("machine " + impl_->config.name + ": " + call);
  check_device(*impl_, call, impl_->config.vsock, "vsock", "vsock");
  return impl_->driver->listen_vsock(port, options);
}

void Machine::set_share(const Share& share, const CallOptions& options) {
  const std::string call = "share " + share.tag;
  const std::string what = "machine " + impl_->config.name + ": " + call;
  options.check(what);
  MachineConfig with = impl_->config;
  const auto known = std::find_if(with.shares.begin(), with.shares.end(),
                                  [&](const Share& one) { return one.tag == share.tag; });
  if (known == with.shares.end()) {
    throw Error(Errc::not_found, what + ": its configuration has no such share");
  }
  *known = share;
  check_part(with, "shares[" + std::to_string(known - with.shares.begin()) + "].", what);
  if (!has_processors(state())) throw_wrong_state(*impl_, call, "running or paused");
  impl_->driver->set_share(share, options);
}

void Machine::attach_disk(const Disk& disk, const CallOptions& options) {
  const std::string call = "attach disk " + disk.identifier;
  const std::string what = "machine " + impl_->config.name + ": " + call;
  options.check(what);
  check_device(*impl_, call, impl_->config.usb_controller, "USB controller", "usb_controller");
  if (disk.device != DiskDevice::usb || disk.identifier.empty()) {
    throw Error(Errc::invalid_argument, what + ": expected a USB disk with an identifier");
  }
  MachineConfig with = impl_->config;
  with.disks.push_back(disk);
  check_part(with, "disks[" + std::to_string(with.disks.size() - 1) + "].", what);
  impl_->driver->attach_disk(disk, options);
}

void Machine::detach_disk(std::string_view identifier, const CallOptions& options) {
  const std::string call = "detach disk " + std::string(identifier);
  options.check("machine " + impl_->config.name + ": " + call);
  check_device(*impl_, call, impl_->config.usb_controller, "USB controller", "usb_controller");
  impl_->driver->detach_disk(identifier, options);
}

std::vector<std::string> Machine::console_tail(std::size_t lines) const {
  return impl_->driver->console_tail(lines);
}

MachineStatistics Machine::statistics(const CallOptions& options) {
  if (!has_processors(state())) throw_wrong_state(*impl_, "statistics", "running or paused");
  return impl_->driver->statistics(options);
}

void Machine::set_memory_target(ByteSize target, const CallOptions& options) {
  const std::string what = "machine " + impl_->config.name + ": memory target";
  check_device(*impl_, "memory target", impl_->config.balloon, "balloon", "balloon");
  if (target < detail::least_memory || target > impl_->config.memory ||
      target.bytes() % (1U << 20) != 0) {
    throw Error(Errc::invalid_argument, what + ": expected whole MiB from " +
                                            to_string(detail::least_memory) + " to " +
                                            to_string(impl_->config.memory) + ", found " +
                                            std::to_string(target.bytes()) + " bytes");
  }
  impl_->driver->set_memory_target(target, options);
}

MachineDiagnostics Machine::diagnostics() const {
  return impl_->driver->diagnostics();
}

}  // namespace vmkit::vm
