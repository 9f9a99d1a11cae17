// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/machine.hpp"

#include <utility>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "vm/files.hpp"
#include "vm/network.hpp"
#include "vm/vz/kernel_image.hpp"
#include "vm/vz/saved_state.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {
namespace {

using namespace std::chrono_literals;

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
  launch(nullptr, options);
}

void VzMachine::restore(const std::filesystem::path& file, const CallOptions& options) {
  launch(&file, options);
}

void VzMachine::launch(const std::filesystem::path* saved_machine, const CallOptions& options) {
  try {
    prepare(saved_machine);
  } catch (const Error& error) {
    folder_.reset();
    throw error.with_context(name_);
  }
  thread_ = std::thread([this] { run(); });
  detail::wait_started(status_, name_, options, [this] { kill(KillCause::start_given_up); });
}

void VzMachine::require(Feature feature, const std::string& what) const {
  const FeatureStatus status = describe(mac_, config_.architecture).status(feature);
  if (status.available()) return;
  const bool forbidden = status.limitation == Limitation::no_permission;
  throw Error(forbidden ? Errc::permission_denied : Errc::unsupported,
              what + status.reason + (status.way_out.empty() ? "" : "; " + status.way_out));
}

void VzMachine::prepare(const std::filesystem::path* saved_machine) {
  mac_ = framework_->facts();
  require(Feature::machines, "");
  detail::check_files(config_);
  MachineConfig config = config_;
  if (saved_machine != nullptr) {
    require(Feature::save, "");
    setup_.saved_state = folder() / "state";
    config = take_state(*saved_machine, setup_.saved_state, config_);
  }
  PlanResult planned = make_plan(config, mac_);
  if (!planned.problems.empty()) {  // what was true of this Mac at create() is not any more
    throw Error(Errc::unsupported,
                planned.problems.front().field + ": " + planned.problems.front().message);
  }
  if (!config_.firmware) check_kernel_image(config_.boot.image, config_.architecture);
  prepare_networks();
  console_.open();
  setup_.machine = config_.name;
  setup_.plan = std::move(planned.plan);
  // Known to us, so that the machine can be saved and go on as itself.
  if (setup_.plan.machine_identifier.empty()) {
    setup_.plan.machine_identifier = framework_->new_machine_identifier();
  }
  if (setup_.plan.initrd_is_bytes) setup_.plan.initrd = prepare_initrd();
  setup_.response_limit = options_.response_limit;
  setup_.boot_watchdog = config_.boot_watchdog.value_or(config_.firmware ? 0s : 5s);
  setup_.log = log_;
  log_.debug("starting a machine of virtualization.framework",
             {{"machine", config_.name}, {"plan", to_string(setup_.plan)}});
}

/// Copies of the descriptors that the caller has lent us, for one run after another.
void VzMachine::prepare_networks() {
  setup_.networks.clear();
  for (std::size_t i = 0; i < config_.networks.size(); ++i) {
    os::Descriptor& frames = setup_.networks.emplace_back();
    if (config_.networks[i].kind != NetworkKind::descriptor) continue;
    try {
      frames = detail::duplicate_frame_socket(config_.networks[i].descriptor);
    } catch (const Error& error) {
      throw error.with_context("networks[" + std::to_string(i) + "].descriptor");
    }
  }
}

const std::filesystem::path& VzMachine::folder() {
  if (!folder_) {
    detail::RuntimeFolder::remove_abandoned(options_.runtime_directory);
    folder_.emplace(options_.runtime_directory);
  }
  return folder_->path();
}

std::filesystem::path VzMachine::prepare_initrd() {
  auto file = os::File::open(folder() / "initrd", os::File::Mode::create_new, 0600);
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

void VzMachine::save(const std::filesystem::path& path, const CallOptions& options) {
  const std::string what = name_ + ": save " + path.string();
  require(Feature::save, what + ": ");
  for (const Disk& disk : config_.disks) {
    if (disk.device != DiskDevice::usb) continue;
    throw Error(Errc::unsupported, what + ": disk " + disk.path.string() +
                                       ": a USB disk would be another one afterwards");
  }
  try {
    const auto parent = path.has_parent_path() ? path.parent_path() : ".";
    // Kept by the task too: the framework may go on after the call was given up.
    const auto place = std::make_shared<const os::TemporaryDirectory>(parent, ".vmkit-saving");
    const auto state = place->path() / "state";
    const auto task = [place, state](Run& run, const RequestHandle& handle) {
      if (!run.attached_disks.empty()) {
        return handle->finish(
            Error(Errc::failed_precondition,
                  "disk " + *run.attached_disks.begin() +
                      " was attached, and would not be there afterwards; expected "
                      "it detached"));
      }
      run.machine()->save(state, answer(run, "", handle, [place](Run&, bool) {}));
    };
    ask("virtualization.framework", options, task,
        state_limit(options_.response_limit, config_.memory));
    write_tail(state, config_, setup_.plan);
    std::filesystem::permissions(state, std::filesystem::perms(0600));
    std::filesystem::create_hard_link(state, path);  // which replaces nothing
    os::sync_directory(parent);
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error::from_errno(error.code().value(), what);
  } catch (const Error& error) {
    throw error.with_context(what);
  }
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
                    std::function<void(Run&, RequestHandle)> task,
                    std::optional<std::chrono::milliseconds> limit) {
  const auto request = std::make_shared<Request>();
  const Error ended(Errc::failed_precondition, what + ": expected it running, found it ending");
  {
    auto handle = make_request_handle(request, ended);
    std::lock_guard lock(mutex_);
    if (run_ == nullptr) throw ended;
    run_->inbox()->post([run = run_, task = std::move(task), handle] {
      if (run->machine() != nullptr) task(*run, handle);
    });
  }
  request->wait(what, limit.value_or(options_.response_limit), options);
}

Completion VzMachine::answer(Run& run, const std::string& what, RequestHandle handle,
                             std::function<void(Run&, bool)> then) {
  return [=, &run, inbox = run.inbox()](std::optional<Error> error) {
    inbox->post([=, &run] {
      if (then) then(run, !error);
      handle->finish(error && !what.empty() ? std::optional(error->with_context(what)) : error);
    });
  };
}

void VzMachine::ask(const std::string& what, const CallOptions& options,
                    std::function<void(VirtualMachine&, Completion)> call,
                    std::function<void(Run&)> then) {
  ask(what, options, [=](Run& run, const RequestHandle& handle) {
    call(*run.machine(), answer(run, what, handle, [then](Run& its_run, bool success) {
      if (success && then) then(its_run);
    }));
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

std::vector<std::string> VzMachine::console_tail(std::size_t lines) const {
  return console_.tail(lines);
}

MachineStatistics VzMachine::statistics(const CallOptions&) {
  const auto capabilities = describe(mac_, config_.architecture);
  throw Error(Errc::unsupported,
              name_ + ": statistics: " + capabilities.status(Feature::statistics).reason);
}

MachineDiagnostics VzMachine::diagnostics() const {
  return {.process_id = std::nullopt, .accelerator = "vz", .boot_attempts = attempts_};
}

}  // namespace vmkit::vm::vz
