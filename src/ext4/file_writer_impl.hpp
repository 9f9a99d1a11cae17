// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ext4/tree/open_file.hpp"

#include <vmkit/ext4/file_writer.hpp>

namespace vmkit::ext4 {

struct FileWriter::Impl : OpenFile {};

}  // namespace vmkit::ext4
