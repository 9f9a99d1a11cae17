// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "os/file.hpp"

#include <vmkit/vm/config.hpp>

// Files with the state of a machine, as docs/formats/saved-machine.md has it: a head that says what
// kind of machine it was, then QEMU's migration stream.
namespace vmkit::vm::qemu {

/// What has to be the same when a machine goes on.
struct SavedBy {
  std::string version = {};      ///< QEMU's.
  std::string accelerator = {};  ///< "tcg", …
};

/// Writes the head for a machine of `config`, whose disks exist, into an empty file; returns the
/// offset at which QEMU's part begins.
std::uint64_t write_saved_head(os::File& file, const MachineConfig& config, const SavedBy& by);

/// Checks that a machine of `config` can go on from `file` with this QEMU; returns the offset at
/// which QEMU's part begins. Throws as Machine::restore does. Of QEMU's part nothing is looked at.
std::uint64_t check_saved_head(const os::File& file, const MachineConfig& config,
                               const SavedBy& by);

}  // namespace vmkit::vm::qemu
