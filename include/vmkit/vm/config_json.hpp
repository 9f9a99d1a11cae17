// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <vmkit/vm/config.hpp>

namespace vmkit::vm {

/// A machine's definition as JSON (RFC 8259), to be kept in a file and read again, by later
/// versions too: docs/formats/machine.md. Members are named as in C++; those that have their
/// default are left out, but for the architecture.
/// Throws invalid_argument for an initrd that is bytes, not a file, and for paths that are not
/// UTF-8: JSON cannot hold those.
std::string to_json(const MachineConfig& config);

/// The definition that `json` holds. Members that are missing have their default. Throws
/// data_corruption for what is no such definition, with the member, what was expected and found:
/// an unknown member is an error too, because what it asks for would be missing; and unsupported
/// for a schema of a later version. What the values mean is not looked at: see validate().
MachineConfig parse_machine_config(std::string_view json);

}  // namespace vmkit::vm
