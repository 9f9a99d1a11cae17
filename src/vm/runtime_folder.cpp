// SPDX-License-Identifier: Apache-2.0
#include "vm/runtime_folder.hpp"

#include <exception>
#include <system_error>

namespace vmkit::vm::detail {
namespace {

constexpr const char* prefix = "vmkit-vm";
constexpr const char* lock_name = "lock";

/// The lock gets its name when it is held: one that has the name and is free is abandoned.
os::FileLock lock(const std::filesystem::path& folder) {
  const auto unnamed = folder / "lock.new";
  os::FileLock held = os::FileLock::acquire(unnamed, os::FileLock::Kind::exclusive);
  std::filesystem::rename(unnamed, folder / lock_name);
  return held;
}

}  // namespace

RuntimeFolder::RuntimeFolder(const std::filesystem::path& parent)
    : folder_(parent, prefix), lock_(lock(folder_.path())) {}

void RuntimeFolder::remove_abandoned(const std::filesystem::path& parent) noexcept {
  try {
    for (const auto& entry : std::filesystem::directory_iterator(parent)) {
      if (entry.path().filename().native().rfind(prefix, 0) != 0) continue;
      std::error_code ignored;
      if (!std::filesystem::exists(entry.path() / lock_name, ignored)) continue;
      // Another user's folder cannot be opened, one in use cannot be locked.
      try {
        if (os::FileLock::try_acquire(entry.path() / lock_name, os::FileLock::Kind::exclusive)) {
          std::filesystem::remove_all(entry.path(), ignored);
        }
      } catch (const std::exception&) {
      }
    }
  } catch (const std::exception&) {
    // A start that needs the folder will say what is wrong with it.
  }
}

}  // namespace vmkit::vm::detail
