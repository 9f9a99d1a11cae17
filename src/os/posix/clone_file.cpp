// SPDX-License-Identifier: Apache-2.0
#include "os/clone_file.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

void copy_by_buffer(const File& source, File& target, std::uint64_t offset, std::uint64_t length) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(length, 1 << 20));
  while (length > 0) {
    const auto piece = std::span(buffer).first(std::min<std::uint64_t>(length, buffer.size()));
    const std::size_t count = source.read_at(offset, piece);
    if (count == 0) {
      throw Error(Errc::io, source.path().string() + ": became shorter while it was copied");
    }
    target.write_at(offset, piece.first(count));
    offset += count;
    length -= count;
  }
}

std::optional<DataRange> next_data(const File& file, std::uint64_t offset) {
  const std::uint64_t size = file.size().bytes();
  if (offset >= size) return std::nullopt;
  const off_t data = ::lseek(file.fd(), static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) {
    if (errno == ENXIO) return std::nullopt;
    if (errno == EINVAL || errno == ENOTSUP) return DataRange{offset, size - offset};
    throw Error::from_errno(errno, "seek data in " + file.path().string());
  }
  const off_t hole = ::lseek(file.fd(), data, SEEK_HOLE);
  if (hole < 0) throw Error::from_errno(errno, "seek hole in " + file.path().string());
  return DataRange{static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(hole - data)};
}

ByteSize free_space(const std::filesystem::path& path) {
  struct statvfs status;
  if (::statvfs(path.c_str(), &status) != 0) {
    throw Error::from_errno(errno, "free space of " + path.string());
  }
  return ByteSize(std::uint64_t{status.f_bavail} * status.f_frsize);
}

}  // namespace vmkit::os
