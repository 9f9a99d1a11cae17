// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include <vmkit/vm/config.hpp>

// A disk as QEMU's block layer wants to hear of it, on its command line and over QMP.
namespace vmkit::vm::qemu {

/// In QEMU's option lists a comma ends a value unless it is doubled.
std::string escape(std::string_view value);

/// The argument of -blockdev. `disk` is valid. Pure.
std::string disk_node_option(const Disk& disk, const std::string& node);

/// The arguments of blockdev-add. Pure.
nlohmann::json disk_node_json(const Disk& disk, const std::string& node);

}  // namespace vmkit::vm::qemu
