// SPDX-License-Identifier: Apache-2.0
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "agent/random_hex.hpp"
#include "container/attachments.hpp"
#include "container/boot.hpp"
#include "container/disk.hpp"
#include "container/event_hub.hpp"
#include "container/folder.hpp"
#include "container/live_clone.hpp"
#include "container/machine_end.hpp"
#include "container/names.hpp"
#include "container/probing.hpp"
#include "container/process_options.hpp"
#include "container/record.hpp"
#include "container/ticker.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/agent/initramfs.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/disk/clone.hpp>
#include <vmkit/disk/snapshots.hpp>
#include <vmkit/rootfs/cache.hpp>

namespace vmkit::container {
namespace {

using Clock = std::chrono::steady_clock;

// From the end of the last process to the end of the machine: unmounting and writing back.
constexpr auto shutdown_limit = std::chrono::seconds(10);

// For what takes no time: a guest that does not answer for so long has other troubles.
constexpr auto agent_patience = std::chrono::seconds(5);

int stop_signal_of(const ContainerOptions& options) {
  const std::string image_signal = options.image.config.stop_signal;
  const std::string name =
      options.stop_signal.value_or(image_signal.empty() ? "SIGTERM" : image_signal);
  const auto number = agent::signal_number(name);
  if (!number) {
    throw Error(Errc::invalid_argument, "container " + options.hostname + ": stop signal \"" +
                                            name +
                                            "\" is no signal of Linux, such as SIGTERM or 15");
  }
  return *number;
}

ContainerOptions completed(ContainerOptions options) {
  constexpr std::size_t name_bytes = 6;
  if (options.hostname.empty()) options.hostname = agent::random_hex(name_bytes);
  options.image.config = overridden(std::move(options.image.config), options.overrides);
  if (options.isolation.writable_disk) {
    options.isolation.writable_layer = agent::WritableLayer{.serial = layer_disk_identifier};
  }
  if (options.names.timezone) {
    const std::string zone = "TZ=" + timezone_rule(*options.names.timezone);
    options.image.config = overridden(std::move(options.image.config), {.env = {zone}});
  }
  return options;
}

void require_backend(const ContainerOptions& options) {
  if (options.backend) return;
  throw Error(Errc::invalid_argument,
              "container: expected a backend, found none; see vm::make_qemu_backend");
}

}  // namespace

struct Container::Impl {
  Impl(ContainerOptions given, Folder::How how)
      : options(completed(std::move(given))),
        stop_signal(stop_signal_of(options)),
        spec(container_spec(options)),
        log(options.log, "container"),
        folder(options.folder, how) {
    record.folder = options.folder;
    record.name = options.hostname;
    record.image = options.image.descriptor.digest.to_string();
    record.kept = options.keep;
    record.created = std::chrono::system_clock::now();
  }

  /// Writes into the folder how it stands; a folder that cannot be written ends no container.
  void note(RecordState state, const std::string& reason) noexcept {
    try {
      const std::lock_guard lock(record_mutex);
      record.state = state;
      record.reason = reason;
      write_record(record);
    } catch (const Error& error) {
      log.warning("the container's record was not written", {{"error", error.what()}});
    }
  }

  /// With all that the container has besides its disk, which is ready.
  void make_machine(const CallOptions& call_options) {
    attachments.emplace(options, folder, call_options);
    vm::MachineConfig config = machine_config(options, folder);
    attachments->add_to(config);
    attachments->set_network(options, folder, config);
    spec.mounts.insert(spec.mounts.end(), attachments->mounts().begin(),
                       attachments->mounts().end());
    agent::check(spec);
    machine = options.backend->create(std::move(config));
    recording = machine->on_event([this](const vm::MachineEvent& event) {
      events.tell(event);
      if (event.reason == vm::MachineEventReason::started) note(RecordState::running, {});
      if (!is_over(event.state)) return;
      std::string reason(to_string(event.reason));
      if (event.error) reason += std::string(": ") + event.error->what();
      note(RecordState::ended, reason);
    });
  }

  /// The agent; failed_precondition while there is none.
  agent::Client& agent() {
    std::lock_guard lock(mutex);
    if (!client) {
      throw Error(Errc::failed_precondition,
                  "container " + options.hostname + ": not running; call start() first, once");
    }
    return *client;
  }

  agent::Process spawn(const ProcessOptions& process, const CallOptions& call_options) {
    return agent().spawn(resolve(process, options.image.config, options.isolation), call_options);
  }

  ProbeTarget probe_target() {
    return {[this]() -> agent::Client& { return agent(); },
            [this](const ProcessOptions& process, const CallOptions& call_options) {
              return spawn(process, call_options);
            }};
  }

  /// With the agent there, and `mutex` held.
  void begin_services(std::vector<agent::HostListener> listeners) {
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      published.push_back(client->forward(std::move(listeners[i]), options.ports[i].guest));
    }
    if (options.clock_interval > std::chrono::milliseconds(0)) {
      clock = std::make_unique<Ticker>(options.clock_interval, [this](const StopToken& stop) {
        if (machine->state() != vm::MachineState::running) return;
        set_clock(CallOptions{stop, {}, {}}.with_timeout(agent_patience));
      });
    }
    if (!options.check_health) return;
    auto probe = options.health ? options.health : probe_of(options.image.config.healthcheck);
    if (!probe) return;
    health = std::make_unique<HealthMonitor>(
        std::move(*probe), probe_target(), [this](const Health& now) {
          events.tell("health", {{"status", std::string(to_string(now.state))}});
        });
  }

  void set_clock(const CallOptions& call_options) {
    agent().configure({.set_clock = true, .seed_random = false}, call_options);
  }

  const ContainerOptions options;
  const int stop_signal;
  agent::ContainerSpec spec;  // but for the files with names, once there is a machine
  const Logger log;
  Folder folder;
  EventHub events;
  std::mutex record_mutex;  // guards `record`
  ContainerRecord record;
  std::optional<Attachments> attachments;
  vm::EventSubscription recording;      // hears of the machine's end, so it goes after it
  std::optional<vm::Machine> machine;   // from create() or open() on
  mutable std::mutex mutex;             // guards what follows
  std::optional<agent::Client> client;  // set once; goes before the machine it speaks to
  std::unique_ptr<Ticker> clock;        // goes before the client
  std::vector<agent::Forward> published;
  std::unique_ptr<HealthMonitor> health;  // goes before the client
  Timeline timeline;
};

Container::Container(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Container::Container(Container&&) noexcept = default;
Container& Container::operator=(Container&&) noexcept = default;
Container::~Container() = default;

Container Container::create(ContainerOptions options, const CallOptions& call_options) {
  require_backend(options);
  auto impl = std::make_unique<Impl>(std::move(options), Folder::How::make);
  prepare_disk(impl->options, impl->folder.disk(), impl->timeline, call_options);
  impl->make_machine(call_options);
  write_record(impl->record);
  impl->folder.keep(impl->options.keep);
  impl->log.info("container made", {{"name", impl->options.hostname},
                                    {"folder", impl->options.folder.native()},
                                    {"clone", to_string(impl->timeline.clone_method)}});
  return Container(std::move(impl));
}

Container Container::open(ContainerOptions options) {
  require_backend(options);
  if (options.hostname.empty()) {
    if (const auto record = read_record(options.folder)) options.hostname = record->name;
  }
  auto impl = std::make_unique<Impl>(std::move(options), Folder::How::open);
  impl->folder.keep(true);  // whatever is wrong with it
  const std::string path = impl->folder.path().string();
  const auto record = read_record(impl->folder.path());
  if (!record || !record->kept || !impl->options.keep) {
    throw Error(Errc::failed_precondition, "container in " + path +
                                               ": expected one that is kept; make it with "
                                               "ContainerOptions::keep, and open it with that");
  }
  impl->record.created = record->created;
  impl->record.image = record->image;
  impl->make_machine({});
  write_record(impl->record);
  return Container(std::move(impl));
}

void Container::start(const CallOptions& options) {
  if (const auto state = impl_->machine->state(); state != vm::MachineState::created) {
    throw Error(Errc::failed_precondition,
                "container " + impl_->options.hostname +
                    ": expected one that was not started before, found it " +
                    std::string(to_string(state)));
  }
  const auto begin = Clock::now();
  std::vector<agent::HostListener> listeners;
  for (const PortMapping& port : impl_->options.ports) {
    try {
      listeners.push_back(agent::HostListener::open(port.host, port.options));
    } catch (const Error& error) {
      throw error.with_context("container " + impl_->options.hostname + ", for its " +
                               agent::to_string(port.guest));
    }
  }
  agent::Client client = boot(*impl_->machine, impl_->options, options);
  const auto ready = Clock::now();
  client.on_event(
      [impl = impl_.get()](const agent::GuestEvent& event) { impl->events.tell(event); });
  try {
    std::vector<agent::ConfiguredInterface> interfaces;
    if (const auto& wanted = impl_->attachments->interfaces(); !wanted.empty()) {
      interfaces = client.configure_network(wanted, options);
    }
    agent::ContainerSpec spec = impl_->spec;
    for (agent::Mount& file : impl_->attachments->name_mounts(impl_->options, interfaces)) {
      spec.mounts.push_back(std::move(file));
    }
    client.create_container(spec, options);
    client.configure({}, options);
    const std::lock_guard lock(impl_->mutex);
    impl_->timeline.boot = ready - begin;
    impl_->timeline.mount = Clock::now() - ready;
    impl_->client = std::move(client);
    impl_->begin_services(std::move(listeners));
  } catch (...) {
    impl_->machine->kill();
    throw;
  }
  impl_->log.info("container started",
                  {{"name", impl_->options.hostname}, {"kernel", kernel_release()}});
  impl_->events.tell("ready");
}

agent::Process Container::exec(const ProcessOptions& process, const CallOptions& options) {
  return impl_->spawn(process, options);
}

agent::Files Container::files() {
  return impl_->agent().files();
}

agent::Forward Container::forward(const agent::Endpoint& listen, const agent::Endpoint& target,
                                  const agent::ForwardOptions& options) {
  return impl_->agent().forward(listen, target, options);
}

agent::Forward Container::forward_from_guest(const agent::Endpoint& listen,
                                             const agent::Endpoint& target,
                                             const agent::ForwardOptions& options,
                                             const CallOptions& call_options) {
  return impl_->agent().forward_from_guest(listen, target, options, call_options);
}

std::unique_ptr<agent::Connection> Container::open_connection(const agent::Endpoint& target,
                                                              const CallOptions& options) {
  return impl_->agent().open_connection(target, options);
}

std::vector<PortMapping> Container::ports() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<PortMapping> ports;
  for (std::size_t i = 0; i < impl_->published.size(); ++i) {
    const agent::Forward& forward = impl_->published[i];
    ports.push_back({forward.listening(), forward.target(), impl_->options.ports[i].options});
  }
  return ports;
}

void Container::wait_ready(const Probe& probe, const CallOptions& options) {
  try {
    container::wait_ready(probe, impl_->probe_target(), options);
  } catch (const Error& error) {
    throw error.with_context("container " + impl_->options.hostname);
  }
}

Health Container::health() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->health ? impl_->health->health() : Health{};
}

std::vector<agent::ProcessInfo> Container::processes(const CallOptions& options) {
  return impl_->agent().processes(options);
}

agent::Process Container::attach(std::uint64_t handle, const agent::AttachOptions& attach,
                                 const CallOptions& options) {
  return impl_->agent().attach(handle, attach, options);
}

agent::Statistics Container::statistics(const CallOptions& options) {
  return impl_->agent().statistics(options);
}

std::vector<agent::RunningProcess> Container::top(const CallOptions& options) {
  return impl_->agent().top(options);
}

void Container::set_limits(const agent::ResourceLimits& limits, const CallOptions& options) {
  impl_->agent().set_limits(limits, options);
}

vm::MachineStatistics Container::machine_statistics(const CallOptions& options) {
  return impl_->machine->statistics(options);
}

void Container::set_memory_target(ByteSize target, const CallOptions& options) {
  impl_->machine->set_memory_target(target, options);
}

vm::MachineEvent Container::wait(const CallOptions& options) {
  return impl_->machine->wait(options);
}

void Container::stop(std::chrono::milliseconds grace, const CallOptions& options) {
  try {
    const CallOptions limited = options.with_timeout(grace + shutdown_limit);
    impl_->agent().power_off({impl_->stop_signal, grace}, limited);
    impl_->machine->wait(limited);
    return;
  } catch (const Error& error) {
    // Whatever kept the guest from ending by itself, after the grace time it is ended; only the
    // caller's own wish to stop waiting comes back.
    options.check("stop container " + impl_->options.hostname);
  }
  impl_->machine->kill();
}

void Container::kill() noexcept {
  impl_->machine->kill();
}

void Container::remove() noexcept {
  impl_->machine->kill();
  impl_->folder.remove();
}

disk::CloneMethod Container::clone_disk(const std::filesystem::path& target, disk::CloneMode mode,
                                        const CallOptions& options) {
  try {
    return clone_frozen(
        impl_->agent(),
        [&](const disk::CloneOptions& clone, const CallOptions& limited) {
          return disk::clone(impl_->folder.disk(), target, clone, limited);
        },
        [&] {
          std::error_code ignored;
          std::filesystem::remove(target, ignored);
        },
        mode, options);
  } catch (const Error& error) {
    throw error.with_context("clone the disk of container " + impl_->options.hostname);
  }
}

disk::CloneMethod Container::snapshot_disk(const std::string& name, disk::CloneMode mode,
                                           const CallOptions& options) {
  const disk::Snapshots snapshots(impl_->folder.disk());
  try {
    return clone_frozen(
        impl_->agent(),
        [&](const disk::CloneOptions& clone, const CallOptions& limited) {
          return snapshots.create(name, clone, limited);
        },
        [&] { snapshots.remove(name); }, mode, options);
  } catch (const Error& error) {
    throw error.with_context("snapshot of the disk of container " + impl_->options.hostname);
  }
}

ByteSize Container::trim(const CallOptions& options) {
  return impl_->agent().trim(options);
}

void Container::pause(const CallOptions& options) {
  impl_->machine->pause(options);
}

void Container::resume(const CallOptions& options) {
  impl_->machine->resume(options);
  impl_->set_clock(options);
}

vm::EventSubscription Container::on_event(ContainerEventHandler handler) {
  return impl_->events.subscribe(std::move(handler));
}

vm::MachineState Container::state() const noexcept {
  return impl_->machine->state();
}

Timeline Container::timeline() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->timeline;
}

std::string Container::kernel_release() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->client ? impl_->client->info().kernel_release : std::string();
}

std::vector<std::string> Container::console_tail(std::size_t lines) const {
  return impl_->machine->console_tail(lines);
}

vm::MachineDiagnostics Container::diagnostics() const {
  return impl_->machine->diagnostics();
}

void Container::remove(const std::filesystem::path& folder) {
  Folder::remove(folder);
}

std::size_t Container::remove_abandoned(const std::filesystem::path& parent) {
  return Folder::remove_abandoned(parent);
}

}  // namespace vmkit::container
