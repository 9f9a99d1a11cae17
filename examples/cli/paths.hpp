// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include <vmkit/base/architecture.hpp>

namespace cli {

/// Where this program keeps its data: $XDG_DATA_HOME/vmkit, or ~/.local/share/vmkit; on macOS
/// ~/Library/Application Support/vmkit. Throws if there is no home.
std::filesystem::path data_folder();

/// Where images, containers and volumes are if nothing else is said: store/ there.
std::filesystem::path default_store();

/// The file that this program was started from.
std::filesystem::path own_program();

/// For machines' sockets, whose paths must be short: $XDG_RUNTIME_DIR or the temporary folder.
std::filesystem::path runtime_folder();

/// The kernel that scripts/fetch-kernel puts there by default: kernel/ARCH/vmlinuz, with modules/
/// beside it.
std::filesystem::path default_kernel(vmkit::Architecture architecture);

/// The user's Docker configuration, whether it is there or not: $DOCKER_CONFIG/config.json, or
/// ~/.docker/config.json. Empty if there is no home.
std::filesystem::path docker_config();

}  // namespace cli
