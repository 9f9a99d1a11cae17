// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include <vmkit/base/block_device.hpp>
#include <vmkit/base/byte_size.hpp>

namespace vmkit::disk {

/// A raw disk image in a file, as a BlockDevice. As long as the object lives, advisory locks keep
/// other ImageFiles, of any process, from writing an image that is read or written here, and on
/// Linux machines and tools of QEMU too (docs/formats/disks.md). discard() punches holes.
/// Thread-safe as BlockDevice says; move-only.
class ImageFile final : public BlockDevice {
 public:
  enum class Access { read_only, read_write };

  /// A new, empty image for `target`, readable by its owner alone, which appears there only with
  /// publish(): until then it has a temporary name in the same folder, and nothing is left of it if
  /// the object goes. Throws already_exists if there is a `target`, and what the folder gives
  /// (not_found, …).
  static ImageFile create(const std::filesystem::path& target, ByteSize size);

  /// A new image for `target` as create() makes one, with the content of `source`, whose blocks it
  /// shares (CloneMethod::cow); nullopt where the file system cannot. Throws failed_precondition if
  /// `source` is being written.
  static std::optional<ImageFile> create_clone(const std::filesystem::path& target,
                                               const std::filesystem::path& source);

  /// Opens an existing image. Throws not_found, permission_denied, failed_precondition if another
  /// has it open in a way that excludes `access`, naming who where the system tells.
  static ImageFile open(const std::filesystem::path& path, Access access);

  ImageFile(ImageFile&&) noexcept;
  ImageFile& operator=(ImageFile&&) noexcept;
  ~ImageFile() override;

  /// Flushes a new image and gives it its name, atomically. Throws already_exists if another file
  /// got the name meanwhile. Once only; the object may be used afterwards.
  void publish();

  /// Gives the content that the image has now to a file of its own, which shares the blocks of this
  /// one and appears under its name whole and synced. False, with nothing done, where the file
  /// system cannot, or where there is a file of that name.
  bool publish_clone(const std::filesystem::path& target);

  ByteSize size() const override;
  void read_at(std::uint64_t offset, std::span<std::byte> buffer) override;
  void write_at(std::uint64_t offset, std::span<const std::byte> data) override;
  void discard(std::uint64_t offset, std::uint64_t length) override;
  void resize(ByteSize size) override;
  void flush() override;

 private:
  struct Impl;
  explicit ImageFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::disk
