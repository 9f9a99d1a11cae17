// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/spooled_file.hpp"

#include <algorithm>

#include "oci/store/file_stream.hpp"
#include "os/directory.hpp"
#include "os/exclusive_file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

/// As for downloads: the sync at the end then finds little left to write.
constexpr std::uint64_t writeback_size = 8 << 20;

}  // namespace

SpooledFile::SpooledFile(ImportSpool& spool, DigestAlgorithm algorithm)
    : path_(spool.next_path()),
      file_(os::File::open(path_, os::File::Mode::create_new)),
      hasher_(algorithm) {}

SpooledFile::SpooledFile(const ImageStore& store, const Descriptor& blob)
    : path_(store.blob_path(blob.digest)),
      digest_(blob.digest),
      size_(blob.size.bytes()),
      stored_(true) {
  os::File::open(path_, os::File::Mode::read, 0, false).read_at(0, head_);
}

SpooledFile::~SpooledFile() {
  if (stored_) return;
  file_.reset();
  std::error_code ignored;  // then the next open removes it
  std::filesystem::remove(path_, ignored);
}

void SpooledFile::write(std::span<const std::byte> data) {
  for (std::size_t i = 0; size_ + i < head_.size() && i < data.size(); ++i) {
    head_[size_ + i] = data[i];
  }
  file_->write_at(size_, data);
  hasher_.update(data);
  size_ += data.size();
  if (size_ - written_back_ >= writeback_size) {
    file_->start_writeback(written_back_, size_ - written_back_);
    written_back_ = size_;
  }
}

void SpooledFile::finish() {
  digest_ = hasher_.finish();
  file_->start_writeback(written_back_, size_ - written_back_);
  file_.reset();
}

archive::Compression SpooledFile::compression() const {
  const std::size_t length = std::min<std::uint64_t>(size_, head_.size());
  return archive::detect_compression(std::span(head_).first(length));
}

std::unique_ptr<Source> SpooledFile::open() const {
  return std::make_unique<FileSource>(os::File::open(path_, os::File::Mode::read, 0, false));
}

void SpooledFile::store(const ImageStore& store) {
  if (stored_ || store.has_blob({{}, *digest_, size()})) return;
  const auto target = store.blob_path(*digest_);
  os::create_directories(target.parent_path());
  auto file = os::ExclusiveFile::open(path_);
  if (file.file().size() != size()) {
    throw Error(Errc::unavailable, path_.string() +
                                       ": somebody else has removed or changed this part of the "
                                       "import; import again");
  }
  file.file().sync();
  file.rename_to(target);
  path_ = target;
  stored_ = true;
}

}  // namespace vmkit::oci
