// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/machine.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "os/atomic_file.hpp"
#include "os/file.hpp"
#include "os/process_usage.hpp"
#include "os/socket.hpp"
#include "vm/files.hpp"
#include "vm/qemu/hotplug.hpp"
#include "vm/qemu/migration.hpp"
#include "vm/qemu/network.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {
namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds boot_watchdog(const MachineConfig& config, QemuAccelerator accelerator) {
  if (config.boot_watchdog) return *config.boot_watchdog;
  if (config.firmware || !config.console.device) return 0s;
  return accelerator == QemuAccelerator::tcg ? 15s : 5s;
}

constexpr const char* qmp_name = "qmp";
constexpr const char* console_name = "console";
constexpr const char* screen_name = "screen";

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

/// One more descriptor of the open file, whose offset is moved.
os::Descriptor at_offset(const os::File& file, std::uint64_t offset) {
  os::Descriptor descriptor(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
  if (!descriptor || ::lseek(descriptor.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
    throw Error::from_errno(errno, "position in " + file.path().string());
  }
  return descriptor;
}

/// Without those that have ended.
MachineStatistics usage_of(const std::vector<pid_t>& processes) {
  MachineStatistics result;
  for (const pid_t pid : processes) {
    try {
      const os::ProcessUsage usage = os::process_usage(pid);
      result.cpu_time += usage.cpu_time;
      result.resident_memory = result.resident_memory + usage.resident_memory;
    } catch (const Error& error) {
      if (error.code() != Errc::not_found) throw;
    }
  }
  return result;
}

}  // namespace

QemuMachine::QemuMachine(MachineConfig config, detail::MachineStatus& status, QemuOptions options,
                         Probes probes)
    : config_(std::move(config)),
      status_(status),
      options_(std::move(options)),
      probes_(std::move(probes)),
      log_(options_.log, "vm"),
      console_(config_.console) {}

QemuMachine::~QemuMachine() {
  request_kill();
  if (thread_.joinable()) thread_.join();
}

void QemuMachine::start(const CallOptions& options) {
  launch(nullptr, options);
}

void QemuMachine::restore(const std::filesystem::path& file, const CallOptions& options) {
  launch(&file, options);
}

void QemuMachine::adopt(Orphan orphan, const CallOptions& options) {
  const std::string what = "machine " + config_.name;
  try {
    std::unique_lock lock(mutex_);
    console_.open(detail::ConsoleRecorder::Existing::continue_);
    folder_.emplace(std::move(orphan.folder));
    for (std::size_t i = 0; i < config_.ports.size(); ++i) {
      ports_.emplace_back(folder_->path() / port_device_id(i), PortListener::Served{});
    }
    prepare_monitor();
    setup_.launch.console_path = folder_->path() / console_name;
    setup_.launch.adopted = orphan.process;
    lock.unlock();
    thread_ = std::thread([this] { run(); });
  } catch (const std::exception&) {
    orphan.process->end();
    clean_up();
    throw;
  }
  try {
    const auto ask = [&](const char* command, const char* member) {
      const auto answer = mailbox_.execute({command}, options_.response_limit, options);
      return answer.is_object() && answer.contains(member) ? answer[member] : nlohmann::json();
    };
    const bool kvm = ask("query-kvm", "enabled") == true;
    {
      const std::lock_guard lock(mutex_);
      accelerator_ = std::string(to_string(kvm ? QemuAccelerator::kvm : QemuAccelerator::tcg));
    }
    const auto found = ask("query-status", "status");
    saved_by_former_owner_ = found == "postmigrate";
    status_.enter_from(MachineState::starting,
                       found == "running" ? MachineState::running : MachineState::paused,
                       MachineEventReason::adopted);
  } catch (const Error& error) {
    mailbox_.request_kill(KillCause::start_given_up);
    status_.wait_for(detail::is_final, what);
    const bool given_up = error.code() == Errc::cancelled || error.code() == Errc::timeout;
    if (const auto end = status_.final_event(); end.error && !given_up) throw *end.error;
    throw error.with_context(what);
  }
}

void QemuMachine::prepare_monitor() {
  setup_.machine = config_.name;
  setup_.kernel = config_.boot.image.string();
  setup_.launch.qmp_path = folder_->path() / qmp_name;
  setup_.response_limit = options_.response_limit;
  setup_.log = log_;
}

void QemuMachine::launch(const std::filesystem::path* saved_state, const CallOptions& options) {
  const std::string what = "machine " + config_.name;
  try {
    prepare(saved_state);
    // The thread lives as long as QEMU, which is to die with it.
    thread_ = std::thread([this] { run(); });
  } catch (const Error& error) {
    clean_up();
    throw error.with_context(what);
  } catch (...) {
    clean_up();
    throw;
  }
  if (saved_state != nullptr) take_up_state(what, options);
  detail::wait_started(status_, what, options,
                       [this] { mailbox_.request_kill(KillCause::start_given_up); });
}

/// Until the machine is paused. That QEMU ends instead is no error here: the state will say why.
void QemuMachine::take_up_state(const std::string& what, const CallOptions& options) {
  try {
    await_state(mailbox_, options_.response_limit, options);
    status_.enter_from(MachineState::starting, MachineState::paused, MachineEventReason::restored);
  } catch (const Error& error) {
    if (error.code() != Errc::cancelled && error.code() != Errc::timeout) return;
    mailbox_.request_kill(KillCause::start_given_up);
    status_.wait_for(detail::is_final, what);
    throw;
  }
}

void QemuMachine::save(const std::filesystem::path& path, const CallOptions& options) {
  const std::string what = "machine " + config_.name + ": save " + path.string();
  if (!config_.shares.empty()) {
    throw Error(Errc::unsupported, what + ": share " + config_.shares.front().tag +
                                       ": qemu cannot save what serves shared folders");
  }
  for (const Disk& disk : config_.disks) {
    if (disk.device != DiskDevice::nvme) continue;
    throw Error(Errc::unsupported, what + ": disk " + disk.path.string() +
                                       ": qemu cannot save the state of an NVMe disk");
  }
  if (config_.clipboard) {
    throw Error(Errc::unsupported, what + ": qemu cannot save the state of a clipboard");
  }
  if (config_.usb_controller && has_plugged_disks(mailbox_, options_.response_limit, options)) {
    throw Error(Errc::unsupported, what + ": detach the disks that were attached first");
  }
  try {
    os::AtomicFile file(path, 0600);
    const std::uint64_t offset = write_saved_head(file.file(), config_, writer());
    const auto descriptor = std::make_shared<const os::Descriptor>(at_offset(file.file(), offset));
    write_state(mailbox_, descriptor, options_.response_limit, options);
    {
      const std::lock_guard lock(mutex_);
      saved_disks_ = disk_statuses();
    }
    file.commit(os::AtomicFile::Existing::keep);
  } catch (const Error& error) {
    throw error.with_context(what);
  }
}

SavedBy QemuMachine::writer() const {
  return {probes_.version(), std::string(to_string(probes_.host().acceleration.accelerator))};
}

void QemuMachine::prepare(const std::filesystem::path* saved_state) {
  const Host host = probes_.host();
  if (!host.machines.available()) {
    throw Error(Errc::not_found, host.machines.reason + "; " + host.machines.way_out);
  }
  detail::check_files(config_);
  console_.open();
  std::lock_guard lock(mutex_);
  accelerator_ = std::string(to_string(host.acceleration.accelerator));
  folder_.emplace(options_.runtime_directory);
  prepare_monitor();
  qmp_listener_ = os::listen_unix(setup_.launch.qmp_path);
  for (std::size_t i = 0; i < config_.ports.size(); ++i) {
    ports_.emplace_back(folder_->path() / port_device_id(i));
  }
  ArgumentsPlan plan{.binary = host.binary,
                     .accelerator = host.acceleration.accelerator,
                     .sandbox = options_.sandbox && host_can_filter_system_calls,
                     .tsc_khz = host.tsc_khz,
                     .initrd = prepare_initrd(),
                     .qmp_listener = qmp_listener_.get()};
  for (const PortListener& port : ports_) plan.port_listeners.push_back(port.fd());
  prepare_networks(plan);
  prepare_firmware(plan);
  if (config_.graphics) plan.screen = folder_->path() / screen_name;
  prepare_shares(plan);
  if (saved_state != nullptr) {
    const auto file = os::File::open(*saved_state, os::File::Mode::read);
    saved_state_ = at_offset(file, check_saved_head(file, config_, writer()));
    plan.saved_state = saved_state_.get();
    setup_.restores = true;
  }
  if (options_.outlives_owner) prepare_to_outlive(plan);
  setup_.launch.arguments = build_arguments(config_, plan);
  auto& inherited = setup_.launch.inherited;
  inherited.insert(inherited.end(), plan.port_listeners.begin(), plan.port_listeners.end());
  inherited.push_back(plan.qmp_listener);
  for (const int network : plan.networks) {
    if (network >= 0) inherited.push_back(network);
  }
  if (saved_state_) inherited.push_back(saved_state_.get());
  setup_.boot_watchdog = boot_watchdog(config_, plan.accelerator);
  log_.debug("starting qemu",
             {{"machine", config_.name}, {"command", joined(setup_.launch.arguments)}});
}

void QemuMachine::prepare_networks(ArgumentsPlan& plan) {
  for (std::size_t i = 0; i < config_.networks.size(); ++i) {
    try {
      plan.networks.push_back(networks_.emplace_back(open_network(config_.networks[i])).get());
    } catch (const Error& error) {
      throw error.with_context("networks[" + std::to_string(i) + "]");
    }
  }
}

void QemuMachine::prepare_firmware(ArgumentsPlan& plan) {
  if (!config_.firmware) return;
  const auto firmware = probes_.firmware();
  if (!firmware) {
    throw Error(Errc::not_found, firmware_status(firmware, config_.architecture).reason);
  }
  prepare_variable_store(*firmware, config_.firmware->variable_store);
  plan.firmware = firmware->code;
}

void QemuMachine::prepare_to_outlive(ArgumentsPlan& plan) {
  MachineConfig kept = config_;
  kept.boot.initrd = Initrd();
  if (!plan.initrd.empty()) kept.boot.initrd = plan.initrd;
  write_record(folder_->path(), std::move(kept));
  life_ = folder_->make_life();
  setup_.launch.console_path = folder_->path() / console_name;
  console_listener_ = os::listen_unix(setup_.launch.console_path);
  setup_.launch.pid_file = pid_file(folder_->path());
  plan.console_listener = console_listener_.get();
  plan.pid_file = setup_.launch.pid_file;
  setup_.launch.inherited = {life_->fd(), console_listener_.get()};
}

void QemuMachine::prepare_shares(ArgumentsPlan& plan) {
  plan.share_sockets.resize(config_.shares.size());
  if (config_.shares.empty()) return;
  const ShareDaemon daemon = probes_.share_daemon();
  for (std::size_t i = 0; i < config_.shares.size(); ++i) {
    const Share& share = config_.shares[i];
    if (options_.outlives_owner || share_transport(share, daemon) != ShareTransport::virtiofs) {
      continue;
    }
    if (!daemon.status.available()) {
      throw Error(Errc::unsupported, "share " + share.tag + ": " + daemon.status.reason);
    }
    auto& socket = plan.share_sockets[i];
    socket = folder_->path() / ("share" + std::to_string(i));
    const int listener = share_listeners_.emplace_back(os::listen_unix(socket)).get();
    setup_.launch.daemons.push_back(share_daemon_command(daemon, share, listener));
  }
}

std::filesystem::path QemuMachine::prepare_initrd() const {
  if (const auto* path = std::get_if<std::filesystem::path>(&config_.boot.initrd)) return *path;
  const auto* bytes = std::get_if<std::vector<std::byte>>(&config_.boot.initrd);
  if (bytes == nullptr) return {};
  auto file = os::File::open(folder_->path() / "initrd", os::File::Mode::create_new, 0600);
  file.write_at(0, *bytes);
  return file.path();
}

void QemuMachine::run() noexcept {
  MachineEvent end = run_monitor();
  // Whatever went wrong, and wherever: a child of ours would have gone with its object.
  if (setup_.launch.adopted) setup_.launch.adopted->end();
  clean_up();
  mailbox_.close(Error(Errc::failed_precondition, "machine " + config_.name + ": it has ended"));
  log_.info("machine ended", {{"machine", config_.name}, {"reason", vm::to_string(end.reason)}});
  status_.enter(end.state, end.reason, std::move(end.error));
}

MachineEvent QemuMachine::run_monitor() noexcept {
  try {
    return Monitor(setup_, status_, console_, mailbox_, facts_).run();
  } catch (const Error& error) {
    return {MachineState::failed, MachineEventReason::failed,
            error.with_context("machine " + config_.name)};
  } catch (const std::exception& error) {
    return {MachineState::failed, MachineEventReason::failed,
            Error(Errc::internal, "machine " + config_.name + ": " + error.what())};
  }
}

void QemuMachine::clean_up() noexcept {
  std::lock_guard lock(mutex_);
  facts_.set_processes({});
  ports_.clear();
  networks_.clear();
  share_listeners_.clear();
  qmp_listener_.reset();
  console_listener_.reset();
  life_.reset();
  saved_state_.reset();
  folder_.reset();
}

void QemuMachine::request_kill() noexcept {
  mailbox_.request_kill(KillCause::requested);
}

void QemuMachine::press_power_button(const CallOptions& options) {
  mailbox_.execute({"system_powerdown"}, options_.response_limit, options);
}

void QemuMachine::pause(const CallOptions& options) {
  mailbox_.execute({"stop"}, options_.response_limit, options);
}

std::map<std::filesystem::path, os::FileStatus> QemuMachine::disk_statuses() const {
  std::map<std::filesystem::path, os::FileStatus> all;
  for (const Disk& disk : config_.disks) {
    if (!disk.nbd.empty()) continue;
    all.emplace(disk.path, os::File::open(disk.path, os::File::Mode::read).status());
  }
  return all;
}

// With its state QEMU also gives up its disks, and takes them again when it goes on; but it does
// not see who else had them.
void QemuMachine::check_saved_disks() {
  const std::lock_guard lock(mutex_);
  if (saved_by_former_owner_) {
    throw Error(Errc::failed_precondition,
                "machine " + config_.name +
                    ": a former owner has saved it, and nobody knows whether its disks were "
                    "changed since: it cannot go on");
  }
  if (saved_disks_.empty()) return;
  const auto found = disk_statuses();
  for (const auto& [path, saved] : saved_disks_) {
    const os::FileStatus& now = found.at(path);
    if (now.inode == saved.inode && now.size == saved.size && now.modified == saved.modified) {
      continue;
    }
    throw Error(Errc::failed_precondition,
                "machine " + config_.name + ": disk " + path.string() +
                    " was changed since the machine was saved, which cannot go on with it");
  }
  saved_disks_.clear();
}

void QemuMachine::resume(const CallOptions& options) {
  check_saved_disks();
  mailbox_.execute({"cont"}, options_.response_limit, options);
}

std::unique_ptr<Stream> QemuMachine::open_port(std::string_view name, const CallOptions&) {
  std::lock_guard lock(mutex_);
  const std::string what = "machine " + config_.name + ": port " + std::string(name);
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (config_.ports[i].name != name) continue;
    try {
      return ports_[i].connect();
    } catch (const Error& error) {
      throw error.with_context(what);
    }
  }
  throw Error(Errc::unavailable, what + ": the machine is not there yet, or no more");
}

void QemuMachine::attach_disk(const Disk& disk, const CallOptions& options) {
  const std::string what = "machine " + config_.name + ": attach disk " + disk.identifier;
  try {
    detail::check_disk(disk, "disk");
    plug_disk(mailbox_, disk, options_.response_limit, options);
  } catch (const Error& error) {
    throw error.with_context(what);
  }
}

void QemuMachine::detach_disk(std::string_view identifier, const CallOptions& options) {
  const std::string what = "machine " + config_.name + ": detach disk " + std::string(identifier);
  try {
    unplug_disk(mailbox_, identifier, options_.response_limit, options);
  } catch (const Error& error) {
    throw error.with_context(what);
  }
}

std::vector<std::string> QemuMachine::console_tail(std::size_t lines) const {
  return console_.tail(lines);
}

MachineStatistics QemuMachine::statistics(const CallOptions& options) {
  MachineStatistics result = usage_of(facts_.processes());
  if (facts_.processes().empty()) {  // or its numbers may be another process's by now
    throw Error(Errc::failed_precondition,
                "machine " + config_.name + ": statistics: expected it running, found it ending");
  }
  if (config_.balloon) {
    const auto answer = mailbox_.execute({"query-balloon"}, options_.response_limit, options);
    const auto actual = answer.is_object() ? answer.find("actual") : answer.end();
    if (actual == answer.end() || !actual->is_number_unsigned()) {
      throw Error(
          Errc::data_corruption,
          "machine " + config_.name + ": qemu's answer to 'query-balloon' has no \"actual\"");
    }
    result.guest_memory = ByteSize(actual->get<std::uint64_t>());
  }
  return result;
}

void QemuMachine::set_memory_target(ByteSize target, const CallOptions& options) {
  mailbox_.execute({"balloon", {{"value", target.bytes()}}}, options_.response_limit, options);
}

MachineDiagnostics QemuMachine::diagnostics() const {
  MachineDiagnostics result;
  if (const auto processes = facts_.processes(); !processes.empty()) {
    result.process_id = processes.front();
  }
  result.boot_attempts = facts_.attempts;
  std::lock_guard lock(mutex_);
  result.accelerator = accelerator_;
  if (folder_) result.folder = folder_->path();
  if (folder_ && config_.graphics) result.screen = folder_->path() / screen_name;
  return result;
}

}  // namespace vmkit::vm::qemu
