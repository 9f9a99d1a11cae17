// SPDX-License-Identifier: Apache-2.0
#include "support/sparse_file_device.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <vmkit/base/error.hpp>

namespace vmkit::test {

SparseFileDevice::SparseFileDevice() {
  folder_ = (std::filesystem::temp_directory_path() / "vmkit-ext4-XXXXXX").string();
  if (::mkdtemp(folder_.data()) == nullptr) throw Error::from_errno(errno, folder_);
  path_ = folder_ + "/image.ext4";
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor_ < 0) throw Error::from_errno(errno, path_);
}

SparseFileDevice::~SparseFileDevice() {
  ::close(descriptor_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

ByteSize SparseFileDevice::allocated() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw Error::from_errno(errno, path_);
  return ByteSize(static_cast<std::uint64_t>(status.st_blocks) * 512);
}

ByteSize SparseFileDevice::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw Error::from_errno(errno, path_);
  return ByteSize(static_cast<std::uint64_t>(status.st_size));
}

void SparseFileDevice::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const ssize_t count =
        ::pread(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (count <= 0) throw Error::from_errno(count < 0 ? errno : EIO, "read " + path_);
    buffer = buffer.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void SparseFileDevice::write_at(std::uint64_t offset, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t count =
        ::pwrite(descriptor_, data.data(), data.size(), static_cast<off_t>(offset));
    if (count < 0) throw Error::from_errno(errno, "write " + path_);
    data = data.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void SparseFileDevice::discard(std::uint64_t offset, std::uint64_t length) {
#if defined(__linux__)
  if (::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  static_cast<off_t>(offset), static_cast<off_t>(length)) == 0) {
    return;
  }
#endif
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(length, 1 << 20));
  while (length > 0) {
    const std::uint64_t part = std::min<std::uint64_t>(length, zeros.size());
    write_at(offset, std::span(zeros).first(part));
    offset += part;
    length -= part;
  }
}

void SparseFileDevice::resize(ByteSize size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size.bytes())) != 0) {
    throw Error::from_errno(errno, "resize " + path_);
  }
}

}  // namespace vmkit::test
