// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "disk/clone_into.hpp"
#include "os/atomic_file.hpp"
#include "os/clone_file.hpp"
#include "os/disk_lock.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/clone.hpp>

namespace vmkit::disk {
namespace {

constexpr std::uint64_t piece = 8 << 20;  // between two looks at the stop token
constexpr unsigned private_to_owner = 0600;

std::uint64_t data_bytes(const os::File& file, const CallOptions& options) {
  std::uint64_t total = 0;
  for (auto range = os::next_data(file, 0); range;
       range = os::next_data(file, range->offset + range->length)) {
    options.check("clone " + file.path().string());
    total += range->length;
  }
  return total;
}

void sparse_copy(const os::File& source, const std::filesystem::path& target_path, os::File& target,
                 const CallOptions& options) {
  const std::uint64_t total = data_bytes(source, options);
  require_free_space(target.path().parent_path(), ByteSize(total));
  ProgressMeter meter(options.progress, "clone", target_path.string(), ProgressUnit::bytes, total);
  target.resize(source.size());
  for (auto range = os::next_data(source, 0); range;
       range = os::next_data(source, range->offset + range->length)) {
    for (std::uint64_t done = 0; done < range->length;) {
      options.check("clone to " + target_path.string());
      const std::uint64_t length = std::min(piece, range->length - done);
      os::copy_range(source, target, range->offset + done, length);
      done += length;
      meter.add(length);
    }
  }
  meter.flush();
}

}  // namespace

std::string_view to_string(CloneMethod method) noexcept {
  return method == CloneMethod::cow ? "cow" : "sparse_copy";
}

void require_free_space(const std::filesystem::path& path, ByteSize needed) {
  const auto& place = path.empty() ? std::filesystem::path(".") : path;
  const ByteSize available = os::free_space(place);
  if (needed <= available) return;
  throw Error(Errc::resource_exhausted, place.string() + ": not enough free space: needs " +
                                            to_string(needed) + ", " + to_string(available) +
                                            " available");
}

CloneMethod clone_into(os::AtomicFile& fresh, const std::filesystem::path& source_path,
                       const std::filesystem::path& target, const CloneOptions& clone_options,
                       const CallOptions& options) {
  const std::string what = "clone " + source_path.string() + " to " + target.string();
  const os::File source = os::File::open(source_path, os::File::Mode::read);
  if (!clone_options.source_rests && !os::try_lock_disk(source, os::FileLock::Kind::shared)) {
    const std::string holders = os::lock_holders(source_path);
    throw Error(Errc::failed_precondition,
                what + ": the source is being written" + (holders.empty() ? "" : " by " + holders));
  }
  CloneMethod method = CloneMethod::cow;
  if (!fresh.try_clone_from(source)) {
    if (clone_options.mode == CloneMode::require_cow) {
      throw Error(Errc::unsupported,
                  what +
                      ": copy-on-write was required, but their file system cannot share blocks "
                      "between these two files: keep both on one btrfs, XFS or APFS volume");
    }
    method = CloneMethod::sparse_copy;
    sparse_copy(source, target, fresh.file(), options);
  }
  options.check(what);
  return method;
}

CloneMethod clone(const std::filesystem::path& source, const std::filesystem::path& target,
                  const CloneOptions& clone_options, const CallOptions& options) {
  const std::string what = "clone " + source.string() + " to " + target.string();
  options.check(what);
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, ignored))) {
    throw Error(Errc::already_exists, what + ": there is a file of that name");
  }
  os::AtomicFile fresh(target, private_to_owner);
  const CloneMethod method = clone_into(fresh, source, target, clone_options, options);
  fresh.commit(os::AtomicFile::Existing::keep, clone_options.durable
                                                   ? os::AtomicFile::Durability::synced
                                                   : os::AtomicFile::Durability::ephemeral);
  return method;
}

}  // namespace vmkit::disk
