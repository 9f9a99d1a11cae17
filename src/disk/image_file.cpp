// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "os/atomic_file.hpp"
#include "os/disk_lock.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/image_file.hpp>

namespace vmkit::disk {
namespace {

// A sync cannot be stopped: what is written is sent to the disk as it comes, so that the sync at
// the end is short.
constexpr std::uint64_t writeback_step = 16 << 20;
constexpr unsigned owner_only_image = 0600;

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

void require_new(const std::filesystem::path& target) {
  if (!is_there(target)) return;
  throw Error(Errc::already_exists, "create disk image " + target.string() +
                                        ": there is a file of that name; remove it first");
}

void lock(const os::File& file, os::FileLock::Kind kind) {
  if (os::try_lock_disk(file, kind)) return;
  const bool write = kind == os::FileLock::Kind::exclusive;
  const std::string holders = os::lock_holders(file.path());
  throw Error(Errc::failed_precondition,
              "disk image " + file.path().string() + " is in use" +
                  (holders.empty() ? (write ? "" : " by a writer") : " by " + holders) +
                  ": wait until it is closed, or clone it");
}

}  // namespace

struct ImageFile::Impl {
  explicit Impl(const std::filesystem::path& target) { fresh.emplace(target, owner_only_image); }
  explicit Impl(os::File file) : existing(std::move(file)) {}

  os::File& file() { return fresh ? fresh->file() : *existing; }

  void check_range(std::uint64_t offset, std::uint64_t length) {
    if (offset > size.bytes() || length > size.bytes() - offset) {
      throw Error(Errc::invalid_argument, file().path().string() + ": " + std::to_string(length) +
                                              " bytes at " + std::to_string(offset) +
                                              " are beyond the image's " +
                                              std::to_string(size.bytes()) + " bytes");
    }
  }

  std::optional<os::AtomicFile> fresh;  // holds its own lock
  std::optional<os::File> existing;
  ByteSize size;
  std::atomic<std::uint64_t> written{0};
};

ImageFile::ImageFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ImageFile::ImageFile(ImageFile&&) noexcept = default;
ImageFile& ImageFile::operator=(ImageFile&&) noexcept = default;
ImageFile::~ImageFile() = default;

ImageFile ImageFile::create(const std::filesystem::path& target, ByteSize size) {
  require_new(target);
  auto impl = std::make_unique<Impl>(target);
  impl->file().resize(size);
  impl->size = size;
  return ImageFile(std::move(impl));
}

std::optional<ImageFile> ImageFile::create_clone(const std::filesystem::path& target,
                                                 const std::filesystem::path& source_path) {
  require_new(target);
  const os::File source = os::File::open(source_path, os::File::Mode::read);
  lock(source, os::FileLock::Kind::shared);
  auto impl = std::make_unique<Impl>(target);
  if (!impl->fresh->try_clone_from(source)) return std::nullopt;
  impl->size = impl->file().size();
  return ImageFile(std::move(impl));
}

ImageFile ImageFile::open(const std::filesystem::path& path, Access access) {
  const bool write = access == Access::read_write;
  const auto mode = write ? os::File::Mode::read_write : os::File::Mode::read;
  const auto kind = write ? os::FileLock::Kind::exclusive : os::FileLock::Kind::shared;
  os::File file = os::File::open(path, mode);
  lock(file, kind);
  // Restoring a snapshot gives the name to another file: the lock must be on the one that has it.
  while (file.status().inode != os::File::open(path, os::File::Mode::read).status().inode) {
    file = os::File::open(path, mode);
    lock(file, kind);
  }
  auto impl = std::make_unique<Impl>(std::move(file));
  impl->size = impl->file().size();
  return ImageFile(std::move(impl));
}

void ImageFile::publish() {
  if (!impl_->fresh) {
    throw Error(Errc::failed_precondition,
                "publish " + impl_->file().path().string() + ": it is no new image");
  }
  lock(impl_->file(), os::FileLock::Kind::exclusive);  // QEMU does not know the lock it has so far
  impl_->fresh->commit(os::AtomicFile::Existing::keep);
}

bool ImageFile::publish_clone(const std::filesystem::path& target) {
  if (is_there(target)) return false;
  os::AtomicFile clone(target, owner_only_image);
  if (!clone.try_clone_from(impl_->file())) return false;
  try {
    clone.commit(os::AtomicFile::Existing::keep);
  } catch (const Error& error) {
    if (error.code() != Errc::already_exists) throw;
    return false;
  }
  return true;
}

ByteSize ImageFile::size() const {
  return impl_->size;
}

void ImageFile::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  impl_->check_range(offset, buffer.size());
  if (impl_->file().read_at(offset, buffer) != buffer.size()) {
    throw Error(Errc::io, impl_->file().path().string() + ": became shorter while it was open");
  }
}

void ImageFile::write_at(std::uint64_t offset, std::span<const std::byte> data) {
  impl_->check_range(offset, data.size());
  impl_->file().write_at(offset, data);
  const std::uint64_t before = impl_->written.fetch_add(data.size(), std::memory_order_relaxed);
  if (before / writeback_step != (before + data.size()) / writeback_step) {
    impl_->file().start_writeback();
  }
}

void ImageFile::discard(std::uint64_t offset, std::uint64_t length) {
  impl_->check_range(offset, length);
  impl_->file().punch_hole(offset, length);
}

void ImageFile::resize(ByteSize size) {
  impl_->file().resize(size);
  impl_->size = size;
}

void ImageFile::flush() {
  impl_->file().sync();
}

}  // namespace vmkit::disk
