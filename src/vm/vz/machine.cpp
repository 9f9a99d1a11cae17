// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/machine.hpp"

#include <chrono>
#include <utility>

#include "os/file.hpp"
#include "os/socket.hpp"
#include "vm/files.hpp"
#include "vm/vz/kernel_image.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {
namespace {

using namespace std::chrono_literals;

/// A stream that is good only as long as its owner lives.
class OwnedStream final : public Stream {
 public:
  OwnedStream(std::shared_ptr<void> owner, std::unique_ptr<Stream> stream)
      : owner_(std::move(owner)), stream_(std::move(stream)) {}

  std::size_t read(std::span<std::byte> buffer) override { return stream_->read(buffer); }
  void write(std::span<const std::byte> data) override { stream_->write(data); }
  void close_write() override { stream_->close_write(); }
  void close() noexcept override { stream_->close(); }

 private:
  std::shared_ptr<void> owner_;  // let go after the stream
  std::unique_ptr<Stream> stream_;
};

}  // namespace

VzMachine::VzMachine(MachineConfig config, detail::MachineStatus& status, VzOptions options,
                     std::shared_ptr<Framework> framework)
    : config_(std::move(config)),
      status_(status),
      options_(std::move(options)),
      framework_(std::move(framework)),
      name_("machine " + config_.name),
      log_(options_.log, "vm"),
      console_(config_.console) {}

VzMachine::~VzMachine() {
  request_kill();
  if (thread_.joinable()) thread_.join();
}

void VzMachine::start(const CallOptions& options) {
  try {
    prepare();
  } catch (const Error& error) {
    folder_.reset();
    throw error.with_context(name_);
  }
  thread_ = std::thread([this] { run(); });
  detail::wait_started(status_, name_, options, [this] { kill(KillCause::start_given_up); });
}

void VzMachine::prepare() {
  mac_ = framework_->facts();
  const FeatureStatus machines = describe(mac_, config_.architecture).status(Feature::machines);
  if (!machines.available()) {
    const bool forbidden = machines.limitation == Limitation::no_permission;
    throw Error(forbidden ? Errc::permission_denied : Errc::unsupported,
                machines.reason + (machines.way_out.empty() ? "" : "; " + machines.way_out));
  }
  PlanResult planned = make_plan(config_, mac_);
  if (!planned.problems.empty()) {  // what was true of this Mac at create() is not any more
    throw Error(Errc::unsupported,
                planned.problems.front().field + ": " + planned.problems.front().message);
  }
  detail::check_files(config_);
  check_kernel_image(config_.boot.image, config_.architecture);
  console_.open();
  setup_.machine = config_.name;
  setup_.plan = std::move(planned.plan);
  if (setup_.plan.initrd_is_bytes) setup_.plan.initrd = prepare_initrd();
  setup_.response_limit = options_.response_limit;
  setup_.boot_watchdog = config_.boot_watchdog.value_or(5s);
  setup_.log = log_;
  log_.debug("starting a machine of virtualization.framework",
             {{"machine", config_.name}, {"plan", to_string(setup_.plan)}});
}

std::filesystem::path VzMachine::prepare_initrd() {
  detail::RuntimeFolder::remove_abandoned(options_.runtime_directory);
  folder_.emplace(options_.runtime_directory);
  auto file = os::File::open(folder_->path() / "initrd", os::File::Mode::create_new, 0600);
  file.write_at(0, std::get<std::vector<std::byte>>(config_.boot.initrd));
  return file.path();
}

void VzMachine::run() noexcept {
  MachineEvent end;
  for (bool silent = true; silent && attempts_ < 2;) {
    if (attempts_++ == 1) {
      log_.warning("no sign of life from the guest; starting it a second time",
                   {{"machine", config_.name}});
      status_.announce(MachineEventReason::boot_retried, end.error);
    }
    try {
      end = run_once(silent);
    } catch (const Error& error) {
      end = {MachineState::failed, MachineEventReason::failed, error};
      silent = false;
    } catch (const std::exception& error) {
      end = {MachineState::failed, MachineEventReason::failed, Error(Errc::internal, error.what())};
      silent = false;
    }
    if (end.error) end.error = end.error->with_context(name_);
  }
  folder_.reset();
  log_.info("machine ended", {{"machine", config_.name}, {"reason", vm::to_string(end.reason)}});
  status_.enter(end.state, end.reason, std::move(end.error));
}

MachineEvent VzMachine::run_once(bool& silent) {
  Run run(setup_, *framework_, status_, console_, kill_cause_);
  set_run(&run);
  struct Unset {
    VzMachine& machine;
    ~Unset() { machine.set_run(nullptr); }
  } const unset{*this};
  const MachineEvent end = run.run();
  silent = run.was_silent();
  return end;
}

void VzMachine::set_run(Run* run) {
  std::lock_guard lock(mutex_);
  run_ = run;
}

void VzMachine::restore(const std::filesystem::path&, const CallOptions&) {
  throw Error(Errc::unsupported, name_ + ": this backend does not restore machines");
}

void VzMachine::save(const std::filesystem::path&, const CallOptions&) {
  throw Error(Errc::unsupported, name_ + ": this backend does not save machines");
}

void VzMachine::request_kill() noexcept {
  kill(KillCause::requested);
}

void VzMachine::kill(KillCause cause) noexcept {
  KillCause none = KillCause::none;
  kill_cause_.compare_exchange_strong(none, cause);
  std::lock_guard lock(mutex_);
  if (run_ != nullptr) run_->inbox()->wake();
}

void VzMachine::ask(const std::string& what, const CallOptions& options,
                    std::function<void(Run&, RequestHandle)> task) {
  const auto request = std::make_shared<Request>();
  const Error ended(Errc::failed_precondition, what + ": expected it running, found it ending");
  {
    auto handle = make_request_handle(request, ended);
    std::lock_guard lock(mutex_);
    if (run_ == nullptr) throw ended;
    run_->inbox()->post([run = run_, task = std::move(task), handle] { task(*run, handle); });
  }
  request->wait(what, options_.response_limit, options);
}

void VzMachine::ask(const std::string& what, const CallOptions& options,
                    std::function<void(VirtualMachine&, Completion)> call,
                    std::function<void(Run&)> then) {
  ask(what, options, [=](Run& run, const RequestHandle& handle) {
    if (run.machine() == nullptr) return;  // so the request fails, with its last handle
    call(*run.machine(), [=, &run, inbox = run.inbox()](std::optional<Error> error) {
      inbox->post([=, &run] {
        if (!error && then) then(run);
        handle->finish(error ? std::optional(error->with_context(what)) : std::nullopt);
      });
    });
  });
}

void VzMachine::press_power_button(const CallOptions& options) {
  const auto call = [](VirtualMachine& machine, Completion done) {
    machine.request_stop(std::move(done));
  };
  ask(name_ + ": press the power button", options, call, nullptr);
}

void VzMachine::pause(const CallOptions& options) {
  const auto call = [](VirtualMachine& machine, Completion done) {
    machine.pause(std::move(done));
  };
  ask(name_ + ": pause", options, call, [](Run& run) { run.paused(); });
}

void VzMachine::resume(const CallOptions& options) {
  const auto call = [](VirtualMachine& machine, Completion done) {
    machine.resume(std::move(done));
  };
  ask(name_ + ": resume", options, call, [](Run& run) { run.resumed(); });
}

std::unique_ptr<Stream> VzMachine::open_port(std::string_view name, const CallOptions&) {
  const std::string what = name_ + ": port " + std::string(name);
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; run_ != nullptr && i < config_.ports.size(); ++i) {
    if (config_.ports[i].name != name) continue;
    try {
      return run_->ports()[i]->connect();
    } catch (const Error& error) {
      throw error.with_context(what);
    }
  }
  throw Error(Errc::unavailable, what + ": the machine is not there yet, or no more");
}

std::unique_ptr<Stream> VzMachine::connect_vsock(std::uint32_t port, const CallOptions& options) {
  const std::string what = name_ + ": connect to vsock port " + std::to_string(port);
  // Shared with the task, which may come to its end after this call was given up.
  const auto connection = std::make_shared<std::shared_ptr<VsockConnection>>();
  ask(what, options, [=](Run& run, const RequestHandle& handle) {
    if (run.machine() == nullptr) return;
    run.machine()->connect(port, [=](Result<std::shared_ptr<VsockConnection>> result) {
      if (!result) return handle->finish(result.error().with_context(what));
      *connection = std::move(result.value());
      handle->finish(std::nullopt);
    });
  });
  VsockConnection& made = **connection;
  return std::make_unique<OwnedStream>(std::move(made.owner),
                                       os::make_socket_stream(std::move(made.fd)));
}

std::vector<std::string> VzMachine::console_tail(std::size_t lines) const {
  return console_.tail(lines);
}

MachineStatistics VzMachine::statistics(const CallOptions&) {
  const auto capabilities = describe(mac_, config_.architecture);
  throw Error(Errc::unsupported,
              name_ + ": statistics: " + capabilities.status(Feature::statistics).reason);
}

void VzMachine::set_memory_target(ByteSize target, const CallOptions& options) {
  const std::string what = name_ + ": memory target";
  if (target < mac_.least_memory) {
    throw Error(Errc::invalid_argument, what + ": expected at least " +
                                            vmkit::to_string(mac_.least_memory) +
                                            " on this Mac, found " + vmkit::to_string(target));
  }
  const auto call = [target](VirtualMachine& machine, Completion done) {
    machine.set_memory_target(target, std::move(done));
  };
  ask(what, options, call, nullptr);
}

MachineDiagnostics VzMachine::diagnostics() const {
  return {.process_id = std::nullopt, .accelerator = "vz", .boot_attempts = attempts_};
}

}  // namespace vmkit::vm::vz
