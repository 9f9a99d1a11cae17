// SPDX-License-Identifier: Apache-2.0
#include "vm/runtime_folder.hpp"

#include <chrono>
#include <exception>
#include <string>
#include <system_error>

#include "os/disk_lock.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::detail {
namespace {

constexpr const char* prefix = "vmkit-vm";
constexpr const char* lock_name = "lock";
constexpr const char* life_name = "life";

/// What machines have, or had, below `parent`.
std::vector<std::filesystem::path> folders(const std::filesystem::path& parent) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(parent)) {
    std::error_code ignored;
    if (entry.path().filename().native().rfind(prefix, 0) == 0 &&
        std::filesystem::exists(entry.path() / lock_name, ignored)) {
      found.push_back(entry.path());
    }
  }
  return found;
}

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

RuntimeFolder RuntimeFolder::take_over(const std::filesystem::path& path) {
  const auto file = path / lock_name;
  if (!std::filesystem::exists(file)) {
    throw Error(Errc::not_found, path.string() + ": there is no machine's folder");
  }
  try {
    // One who looks for orphans has it for a moment.
    const auto options = CallOptions{}.with_timeout(std::chrono::milliseconds(200));
    auto lock = os::FileLock::acquire(file, os::FileLock::Kind::exclusive, options);
    return {os::TemporaryDirectory(path), std::move(lock)};
  } catch (const Error& error) {
    if (error.code() != Errc::timeout) throw;
    const std::string owner = os::lock_holders(file);
    throw Error(Errc::failed_precondition, path.string() + ": the machine has an owner" +
                                               (owner.empty() ? "" : ", " + owner) +
                                               ", which has to end first");
  }
}

os::File RuntimeFolder::make_life() const {
  auto life = os::File::open(path() / life_name, os::File::Mode::create_new, 0600);
  os::try_lock(life, os::FileLock::Kind::exclusive);
  return life;
}

bool RuntimeFolder::has_life(const std::filesystem::path& path) {
  const auto file = path / life_name;
  return std::filesystem::exists(file) &&
         !os::FileLock::try_acquire(file, os::FileLock::Kind::exclusive);
}

std::vector<std::filesystem::path> RuntimeFolder::orphans(const std::filesystem::path& parent) {
  std::vector<std::filesystem::path> found;
  for (const auto& folder : folders(parent)) {
    // Another user's folder cannot be opened, one in use cannot be locked.
    try {
      if (has_life(folder) &&
          os::FileLock::try_acquire(folder / lock_name, os::FileLock::Kind::exclusive)) {
        found.push_back(folder);
      }
    } catch (const std::exception&) {
    }
  }
  return found;
}

void RuntimeFolder::remove_abandoned(const std::filesystem::path& parent) noexcept {
  try {
    for (const auto& folder : folders(parent)) {
      try {
        if (!has_life(folder) &&
            os::FileLock::try_acquire(folder / lock_name, os::FileLock::Kind::exclusive)) {
          std::error_code ignored;
          std::filesystem::remove_all(folder, ignored);
        }
      } catch (const std::exception&) {
      }
    }
  } catch (const std::exception&) {
    // A start that needs the folder will say what is wrong with it.
  }
}

}  // namespace vmkit::vm::detail
