// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include <vmkit/base/architecture.hpp>
#include <vmkit/vm/capabilities.hpp>

namespace vmkit::vm::qemu {

/// A UEFI firmware of this host.
struct FirmwareFiles {
  std::filesystem::path code;
  std::filesystem::path variables;  ///< What a new machine's variable store is a copy of.
};

/// The first one without Secure Boot for machines of `architecture` that is described in one of the
/// folders, as QEMU's docs/interop/firmware.json has it. What is no such description is passed
/// over.
std::optional<FirmwareFiles> find_firmware(const std::vector<std::filesystem::path>& folders,
                                           Architecture architecture);

FeatureStatus firmware_status(const std::optional<FirmwareFiles>& found, Architecture architecture);

/// Makes the machine's variable store if there is none. Throws invalid_argument for one of another
/// size, failed_precondition for one that another machine has.
void prepare_variable_store(const FirmwareFiles& firmware, const std::filesystem::path& store);

}  // namespace vmkit::vm::qemu
