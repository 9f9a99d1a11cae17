// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "oci/archive/import_spool.hpp"
#include "os/file.hpp"

#include <vmkit/archive/compression.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// Bytes on their way into a store of which is not known yet whether they are needed, nor perhaps
/// their digest: hashed as they are written, in an import's spool. Gone with the object unless
/// store() was called. Confined.
class SpooledFile : public Sink {
 public:
  SpooledFile(ImportSpool& spool, DigestAlgorithm algorithm);
  /// One that need not be written: `blob` is in the store already.
  SpooledFile(const ImageStore& store, const Descriptor& blob);
  ~SpooledFile() override;
  SpooledFile(const SpooledFile&) = delete;
  SpooledFile& operator=(const SpooledFile&) = delete;

  void write(std::span<const std::byte> data) override;

  /// No more will be written. Closes the file: there may be many.
  void finish();

  // After finish():
  const Digest& digest() const { return *digest_; }
  ByteSize size() const { return ByteSize(size_); }
  /// What its first bytes show.
  archive::Compression compression() const;
  std::unique_ptr<Source> open() const;
  /// Makes it the blob of its digest, synced; the blob's folder is not, see ImageStore::tag. Does
  /// nothing the second time.
  void store(const ImageStore& store);

 private:
  std::filesystem::path path_;
  std::optional<os::File> file_;
  Hasher hasher_;
  std::optional<Digest> digest_;
  std::array<std::byte, archive::compression_magic_length> head_{};
  std::uint64_t size_ = 0;
  std::uint64_t written_back_ = 0;
  bool stored_ = false;
};

}  // namespace vmkit::oci
