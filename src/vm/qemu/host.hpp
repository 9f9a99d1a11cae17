// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "vm/qemu/accelerator.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/vm/capabilities.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace vmkit::vm::qemu {

/// What a start needs to know about this host, for guests of one architecture.
struct Host {
  std::filesystem::path binary = {};  ///< Empty if there is no QEMU: see `machines`.
  AcceleratorChoice acceleration = {};
  std::optional<std::uint64_t> tsc_khz = {};
  FeatureStatus machines = {Feature::machines};
};

/// Looks for QEMU and measures the clock (10 ms). Starts no program.
Host probe_host(const QemuOptions& options, Architecture architecture);

/// What QEMU says about itself (about 20 ms).
struct Program {
  std::string version = {};  ///< "7.2.22"; empty if it is not known.
  bool has_sandbox = false;
  bool has_plan9 = false;
  std::string complaint = {};  ///< If it did not say its version.
};

Program probe_program(const std::filesystem::path& binary, const CallOptions& options);

/// All of it, as the public interface tells it. Pure.
Capabilities describe(const QemuOptions& options, Architecture architecture, const Host& host,
                      const Program& program, const FeatureStatus& virtiofs,
                      const FeatureStatus& firmware);

/// The version in what `qemu-system-… -version` prints; nullopt if it is not there.
std::optional<std::string> parse_version(const std::string& output);

/// True for 7.2 and later.
bool is_new_enough(const std::string& version);

}  // namespace vmkit::vm::qemu
