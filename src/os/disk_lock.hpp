// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "os/file.hpp"
#include "os/file_lock.hpp"

namespace vmkit::os {

/// Locks the disk image `file` until it is closed: shared for reading it, exclusive for writing it.
/// False if another has it in a way that excludes this; then no lock of this call is left.
///
/// The lock is a flock(2), and on Linux also the byte-range locks by which QEMU
/// tells what it does with an image (docs/formats/disks.md), so that a machine excludes an edit and
/// the other way round, whoever started the machine.
bool try_lock_disk(const File& file, FileLock::Kind kind);

/// Who holds a lock on the file, for messages: "process 4711 (qemu-system-x86)", "this process";
/// empty if the system does not tell. Slow: looks at all processes.
std::string lock_holders(const std::filesystem::path& path);

}  // namespace vmkit::os
