// SPDX-License-Identifier: Apache-2.0
#include "vm/files.hpp"

#include <array>
#include <string_view>

#include "os/disk_lock.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::detail {
namespace {

constexpr std::uint64_t sector = 512;
constexpr std::string_view qcow2_magic = "QFI\xfb";

os::File open(const std::filesystem::path& path, bool read_only, const std::string& role) {
  try {
    return os::File::open(path, read_only ? os::File::Mode::read : os::File::Mode::read_write);
  } catch (const Error& error) {
    throw error.with_context(role);
  }
}

void check_not_empty(const std::filesystem::path& path, const std::string& role) {
  const os::File file = open(path, true, role);
  if (file.size() == ByteSize(0)) {
    throw Error(Errc::invalid_argument, role + " " + path.string() + ": the file is empty");
  }
}

/// The backend locks the disk itself, and would refuse too; but it cannot tell who has it.
void check_free(const os::File& file, bool read_only, const std::string& what) {
  const auto kind = read_only ? os::FileLock::Kind::shared : os::FileLock::Kind::exclusive;
  if (os::try_lock_disk(file, kind)) return;
  const std::string holders = os::lock_holders(file.path());
  throw Error(Errc::failed_precondition,
              what + " is in use by " + (holders.empty() ? "another machine or program" : holders) +
                  "; stop that first");
}

}  // namespace

void check_disk(const Disk& disk, const std::string& role) {
  if (!disk.nbd.empty()) return;  // its server knows
  const os::File file = open(disk.path, disk.read_only, role);
  const std::uint64_t size = file.size().bytes();
  const std::string what = role + " " + disk.path.string();
  if (size == 0 || size % sector != 0) {
    throw Error(Errc::invalid_argument, what +
                                            ": expected a size that is a multiple of 512 bytes, "
                                            "found " +
                                            std::to_string(size) + " bytes");
  }
  std::array<char, qcow2_magic.size()> start{};
  const std::size_t count = file.read_at(0, std::as_writable_bytes(std::span(start)));
  if (std::string_view(start.data(), count) == qcow2_magic) {
    throw Error(Errc::invalid_argument, what +
                                            ": expected a raw image, found a qcow2 one; convert "
                                            "it (qemu-img convert -O raw)");
  }
  check_free(file, disk.read_only, what);
}

void check_share(const Share& share) {
  const std::string what = "share " + share.tag + ": " + share.path.string();
  std::error_code error;
  const auto status = std::filesystem::status(share.path, error);
  if (error && std::filesystem::exists(status)) throw Error::from_errno(error.value(), what);
  if (!std::filesystem::exists(status)) throw Error(Errc::not_found, what + " does not exist");
  if (!std::filesystem::is_directory(status)) {
    throw Error(Errc::invalid_argument, what + " is no folder");
  }
}

void check_files(const MachineConfig& config) {
  if (!config.firmware) check_not_empty(config.boot.image, "kernel");
  if (const auto* initrd = std::get_if<std::filesystem::path>(&config.boot.initrd)) {
    check_not_empty(*initrd, "initrd");
  }
  for (std::size_t i = 0; i < config.disks.size(); ++i) {
    check_disk(config.disks[i], "disks[" + std::to_string(i) + "]");
  }
  for (const Share& share : config.shares) check_share(share);
}

}  // namespace vmkit::vm::detail
