// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "os/directory.hpp"

namespace vmkit::test {

/// A fresh folder below the system's temporary folder, gone with the object.
inline os::TemporaryDirectory temporary_directory() {
  return os::TemporaryDirectory(std::filesystem::temp_directory_path(), "vmkit-test");
}

}  // namespace vmkit::test
