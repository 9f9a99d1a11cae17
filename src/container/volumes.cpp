// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <random>
#include <sys/stat.h>
#include <utility>

#include "container/volume_lock.hpp"
#include "os/directory.hpp"
#include "os/disk_lock.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/volumes.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::container {
namespace {

constexpr const char* image_suffix = ".ext4";
constexpr const char* lock_suffix = ".lock";
constexpr std::size_t longest_name = 64;

bool is_name(const std::string& name) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= longest_name && alphanumeric(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

void require_name(const std::string& name) {
  if (is_name(name)) return;
  throw Error(Errc::invalid_argument, "volume \"" + name +
                                          "\": expected a name of 1 to 64 of letters, digits, '.', "
                                          "'_' and '-', the first a letter or digit");
}

std::array<std::byte, 16> random_bytes() {
  std::random_device random;
  std::array<std::byte, 16> bytes;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

/// 64 MiB as mke2fs has it for disks of this size; of a small volume a sixteenth.
ByteSize journal_size(ByteSize size) {
  constexpr std::uint64_t least = 4ULL << 20;
  constexpr std::uint64_t most = 64ULL << 20;
  return ByteSize(std::clamp(size.bytes() / 16, least, most) & ~std::uint64_t{4095});
}

std::filesystem::path lock_path(const Volumes& volumes, const std::string& name) {
  return volumes.folder() / (name + lock_suffix);
}

/// Nothing if there is no such volume.
std::optional<VolumeInfo> look_at(const Volumes& volumes, const std::string& name) {
  struct stat status;
  if (::stat(volumes.image(name).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  VolumeInfo info{name, ByteSize(static_cast<std::uint64_t>(status.st_size)),
                  ByteSize(static_cast<std::uint64_t>(status.st_blocks) * 512)};
  const auto lock = lock_path(volumes, name);
  info.in_use = std::filesystem::exists(lock) &&
                !os::FileLock::try_acquire(lock, os::FileLock::Kind::exclusive);
  return info;
}

}  // namespace

void make_volume_image(const std::filesystem::path& path, ByteSize size,
                       const CallOptions& options) {
  disk::ImageFile image = disk::ImageFile::create(path, size);
  auto file_system = ext4::Filesystem::format(image, {.size = size,
                                                      .uuid = random_bytes(),
                                                      .hash_seed = random_bytes(),
                                                      .label = "vmkit-volume",
                                                      .journal = journal_size(size)});
  file_system.make_directory(file_system.root(), volume_content, {.permissions = 0755});
  file_system.commit(ext4::CommitMode::in_place, options);
  image.publish();
}

os::FileLock lock_volume(Volumes& volumes, const std::string& name, bool read_only,
                         const CallOptions& options) {
  require_name(name);
  const auto kind = read_only ? os::FileLock::Kind::shared : os::FileLock::Kind::exclusive;
  if (!read_only) os::create_directories(volumes.folder(), 0700);
  if (read_only && !look_at(volumes, name)) {
    throw Error(Errc::not_found, "volume " + name + ": there is none in " +
                                     volumes.folder().string() + " that could be read");
  }
  const auto path = lock_path(volumes, name);
  auto lock = os::FileLock::try_acquire(path, kind);
  if (!lock) {
    const std::string holders = os::lock_holders(path);
    throw Error(Errc::failed_precondition,
                "volume " + name + " is in use by " +
                    (holders.empty() ? std::string("another container") : holders) +
                    "; a container that writes to a volume has it alone");
  }
  if (!look_at(volumes, name)) make_volume_image(volumes.image(name), default_volume_size, options);
  return std::move(*lock);
}

Volumes::Volumes(std::filesystem::path folder) : folder_(std::move(folder)) {}

std::filesystem::path Volumes::image(const std::string& name) const {
  require_name(name);
  return folder_ / (name + image_suffix);
}

VolumeInfo Volumes::create(const std::string& name, ByteSize size, const CallOptions& options) {
  require_name(name);
  os::create_directories(folder_, 0700);
  try {
    make_volume_image(image(name), size, options);
  } catch (const Error& error) {
    throw error.with_context("volume " + name);
  }
  return *look_at(*this, name);
}

std::vector<VolumeInfo> Volumes::list() const {
  std::vector<VolumeInfo> volumes;
  if (!std::filesystem::exists(folder_)) return volumes;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != image_suffix || !is_name(name)) continue;
    if (auto info = look_at(*this, name)) volumes.push_back(std::move(*info));
  }
  std::sort(volumes.begin(), volumes.end(),
            [](const VolumeInfo& a, const VolumeInfo& b) { return a.name < b.name; });
  return volumes;
}

std::optional<VolumeInfo> Volumes::find(const std::string& name) const {
  require_name(name);
  return look_at(*this, name);
}

void Volumes::remove(const std::string& name) {
  require_name(name);
  if (!look_at(*this, name)) {
    throw Error(Errc::not_found, "volume " + name + ": there is none in " + folder_.string());
  }
  const auto lock = lock_volume(*this, name, false, {});
  std::error_code error;
  if (!std::filesystem::remove(image(name), error) && error) {
    throw Error::from_errno(error.value(), "remove the volume " + image(name).string());
  }
}

}  // namespace vmkit::container
