// SPDX-License-Identifier: Apache-2.0
#include "paths.hpp"

#include <cstdlib>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include <vmkit/base/error.hpp>
#include <vmkit/vm/config.hpp>

namespace cli {
namespace {

std::filesystem::path from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::filesystem::path data_folder() {
#ifndef __APPLE__
  // The specification of XDG_DATA_HOME: a relative path there is to be ignored.
  const auto data = from_environment("XDG_DATA_HOME");
  if (data.is_absolute()) return data / "vmkit";
#endif
  const auto home = from_environment("HOME");
  if (home.empty()) {
    throw vmkit::Error(vmkit::Errc::not_found,
                       "HOME is not set, so there is no default place for images: give --store");
  }
#ifdef __APPLE__
  return home / "Library" / "Application Support" / "vmkit";
#else
  return home / ".local" / "share" / "vmkit";
#endif
}

std::filesystem::path default_store() {
  return data_folder() / "store";
}

std::filesystem::path own_program() {
#ifdef __APPLE__
  std::uint32_t size = 0;
  ::_NSGetExecutablePath(nullptr, &size);
  std::string path(size, '\0');
  ::_NSGetExecutablePath(path.data(), &size);
  return path.c_str();
#else
  return std::filesystem::read_symlink("/proc/self/exe");
#endif
}

std::filesystem::path runtime_folder() {
  const auto runtime = from_environment("XDG_RUNTIME_DIR");
  if (!runtime.empty() && std::filesystem::is_directory(runtime)) return runtime;
  return std::filesystem::temp_directory_path();
}

std::filesystem::path default_kernel(vmkit::Architecture architecture) {
  const bool arm = architecture == vmkit::Architecture::arm64;
  return data_folder() / "kernel" / (arm ? "arm64" : "amd64") / "vmlinuz";
}

std::filesystem::path docker_config() {
  const auto folder = from_environment("DOCKER_CONFIG");
  if (!folder.empty()) return folder / "config.json";
  const auto home = from_environment("HOME");
  return home.empty() ? home : home / ".docker" / "config.json";
}

}  // namespace cli
