// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/host.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>
#include <time.h>

#include "os/child_process.hpp"
#include "os/process_platform.hpp"
#include "vm/host_cpu.hpp"
#include "vm/qemu/arguments.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {
namespace {

using namespace std::chrono_literals;

/// Measures the cycle counter against a clock that nobody adjusts, from its making to khz().
class CycleMeter {
 public:
  std::optional<std::uint64_t> khz() const {
    if (!start_.cycles) return std::nullopt;
    // Two readings are some 50 ns off: over 10 ms that is less than a clock's own error.
    const auto elapsed = std::chrono::nanoseconds(now().nanoseconds - start_.nanoseconds);
    if (elapsed < 10ms) std::this_thread::sleep_for(10ms - elapsed);
    const Reading end = now();
    const double cycles = static_cast<double>(*end.cycles - *start_.cycles);
    return static_cast<std::uint64_t>(
        cycles * 1e6 / static_cast<double>(end.nanoseconds - start_.nanoseconds) + 0.5);
  }

 private:
  struct Reading {
    std::optional<std::uint64_t> cycles;
    std::int64_t nanoseconds;
  };

  static Reading now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    return {read_cycle_counter(), std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
  }

  Reading start_ = now();
};

const char* program_name(Architecture architecture) {
  return architecture == Architecture::x86_64 ? "qemu-system-x86_64" : "qemu-system-aarch64";
}

std::string way_to_qemu(Architecture architecture) {
  const std::string package =
      architecture == Architecture::x86_64 ? "qemu-system-x86" : "qemu-system-arm";
  return "apt-get install " + package +
         " (macOS: brew install qemu), or name the program in "
         "QemuOptions::binary";
}

std::optional<std::filesystem::path> find_qemu(const QemuOptions& options,
                                               Architecture architecture) {
  if (!options.binary.empty()) {
    return os::find_program(std::filesystem::absolute(options.binary).string(), "");
  }
  for (const auto& folder : options.search_path) {
    if (auto found = os::find_program((folder / program_name(architecture)).string(), "")) {
      return found;
    }
  }
  return std::nullopt;
}

FeatureStatus missing(const QemuOptions& options, Architecture architecture) {
  std::string reason = options.binary.empty()
                           ? std::string("there is no ") + program_name(architecture) + " in "
                           : "there is no executable file " + options.binary.string();
  if (options.binary.empty()) {
    for (const auto& folder : options.search_path) {
      if (&folder != &options.search_path.front()) reason += ", ";
      reason += folder.string();
    }
  }
  return {Feature::machines, Limitation::missing_program, std::move(reason),
          way_to_qemu(architecture)};
}

/// Runs `binary arguments… -version`.
os::Output ask_version(const std::filesystem::path& binary, std::vector<std::string> arguments,
                       const CallOptions& options) {
  arguments.insert(arguments.begin(), binary.string());
  arguments.push_back("-version");
  os::SpawnOptions spawn;
  spawn.arguments = std::move(arguments);
  spawn.environment.emplace();
  return os::run(spawn, ByteSize(64 << 10), options);
}

}  // namespace

std::optional<std::string> parse_version(const std::string& output) {
  static constexpr std::string_view label = "QEMU emulator version ";
  const std::size_t start = output.find(label);
  if (start == std::string::npos) return std::nullopt;
  const std::size_t digits = start + label.size();
  const std::size_t end = std::min(output.find_first_not_of("0123456789.", digits), output.size());
  if (end == digits) return std::nullopt;
  return output.substr(digits, end - digits);
}

bool is_new_enough(const std::string& version) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = version.data() + version.size();
  const auto after_major = std::from_chars(version.data(), end, major);
  if (after_major.ec != std::errc() || after_major.ptr == end) return major > 7;
  std::from_chars(after_major.ptr + 1, end, minor);
  return major > 7 || (major == 7 && minor >= 2);
}

Host probe_host(const QemuOptions& options, Architecture architecture) {
  const CycleMeter meter;
  Host host;
  if (auto binary = find_qemu(options, architecture)) {
    host.binary = std::move(*binary);
  } else {
    host.machines = missing(options, architecture);
  }
  host.acceleration =
      choose_accelerator(options.accelerator, architecture, probe_host_virtualization());
  if (architecture == Architecture::x86_64) host.tsc_khz = meter.khz();
  return host;
}

Program probe_program(const std::filesystem::path& binary, const CallOptions& options) {
  // Options are looked at in order: a QEMU that was built without the sandbox refuses it before it
  // comes to its version.
  const std::vector<std::string> sandbox = {"-sandbox", sandbox_argument};
  const std::vector<std::string> plan9 = {"-fsdev", "local,id=x,path=/,security_model=none"};
  std::vector<std::string> both = sandbox;
  both.insert(both.end(), plan9.begin(), plan9.end());
  os::Output output = ask_version(binary, both, options);
  Program program;
  program.has_sandbox = program.has_plan9 = output.status.success();
  if (!output.status.success()) {
    program.has_sandbox = ask_version(binary, sandbox, options).status.success();
    program.has_plan9 = ask_version(binary, plan9, options).status.success();
    output = ask_version(binary, {}, options);
  }
  if (auto version = parse_version(output.out)) {
    program.version = std::move(*version);
  } else {
    program.complaint =
        os::to_string(output.status) + ": " + output.err.substr(0, output.err.find('\n'));
  }
  return program;
}

Capabilities describe(const QemuOptions& options, Architecture architecture, const Host& host,
                      const Program& program, const FeatureStatus& virtiofs,
                      const FeatureStatus& firmware) {
  FeatureStatus machines = host.machines;
  if (machines.available() && program.version.empty()) {
    machines = {Feature::machines, Limitation::missing_program,
                host.binary.string() + " does not say a QEMU version (" + program.complaint + ")",
                way_to_qemu(architecture)};
  } else if (machines.available() && !is_new_enough(program.version)) {
    machines = {Feature::machines, Limitation::too_old,
                host.binary.string() + " is version " + program.version + ", expected 7.2 or later",
                way_to_qemu(architecture)};
  }
  FeatureStatus sandbox{Feature::sandbox};
  if (!host_can_filter_system_calls) {
    sandbox = {Feature::sandbox, Limitation::unsupported_system,
               "QEMU's system call filter is for Linux"};
  } else if (!options.sandbox) {
    sandbox = {Feature::sandbox, Limitation::disabled_by_option, "QemuOptions::sandbox is off"};
  } else if (!program.has_sandbox) {
    sandbox = {Feature::sandbox, Limitation::not_built_in,
               "this QEMU was built without its system call filter (seccomp)",
               "take another QEMU, or switch QemuOptions::sandbox off"};
  }
  FeatureStatus dies{Feature::dies_with_owner};
  if (!os::can_die_with_parent) {
    dies = {Feature::dies_with_owner, Limitation::unsupported_system,
            "this system cannot end a process together with its parent"};
  }
  if (options.outlives_owner) {
    dies = {Feature::dies_with_owner, Limitation::disabled_by_option,
            "QemuOptions::outlives_owner is on"};
  }
  FeatureStatus plan9{Feature::plan9};
  if (!program.has_plan9) {
    plan9 = {Feature::plan9, Limitation::not_built_in,
             "this QEMU was built without its 9p server (virtfs)", "take another QEMU"};
  }
  const FeatureStatus vsock = {Feature::vsock, Limitation::unsupported_system,
                               "this backend gives machines no vsock",
                               "use a port: MachineConfig::ports"};
  const auto not_offered = [](Feature feature) {
    return FeatureStatus{feature, Limitation::unsupported_system,
                         "the QEMU backend does not offer it"};
  };
  return {"qemu",
          architecture,
          program.version,
          std::string(qemu::to_string(host.acceleration.accelerator)),
          {machines,
           host.acceleration.hardware,
           sandbox,
           dies,
           virtiofs,
           plan9,
           vsock,
           {Feature::save},
           {Feature::statistics},
           not_offered(Feature::vsock_listen),
           firmware,
           {Feature::network_disks},
           not_offered(Feature::bridged_networks),
           not_offered(Feature::host_only_networks),
           {Feature::subnets},
           {Feature::graphics},
           {Feature::disk_hotplug},
           not_offered(Feature::share_change)}};
}

}  // namespace vmkit::vm::qemu
