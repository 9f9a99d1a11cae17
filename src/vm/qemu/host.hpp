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

/// What is known about this host and its QEMU for guests of one architecture.
struct Host {
  std::filesystem::path binary = {};
  std::string version = {};  ///< "7.2.22"
  bool sandbox = false;
  AcceleratorChoice acceleration = {};
  std::optional<std::uint64_t> tsc_khz = {};
  FeatureStatus machines = {Feature::machines};  ///< Why not, if there is no usable QEMU.

  Capabilities capabilities(Architecture architecture) const;
};

/// Looks for QEMU, asks it for its version (about 20 ms) and measures the clock meanwhile.
Host probe_host(const QemuOptions& options, Architecture architecture,
                const CallOptions& call_options);

/// The version in what `qemu-system-… -version` prints; nullopt if it is not there.
std::optional<std::string> parse_version(const std::string& output);

/// True for 7.2 and later.
bool is_new_enough(const std::string& version);

}  // namespace vmkit::vm::qemu
