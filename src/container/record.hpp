// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <vmkit/container/record.hpp>

namespace vmkit::container {

/// Writes the record into its folder, in place of the one that is there.
void write_record(const ContainerRecord& record);

/// What is written in the folder; nothing if there is none. Throws data_corruption for what is no
/// record, unsupported for one of a later version.
std::optional<ContainerRecord> read_record(const std::filesystem::path& folder);

}  // namespace vmkit::container
