// SPDX-License-Identifier: Apache-2.0
#include "agent/cpio.hpp"

#include <array>
#include <cstdio>
#include <limits>
#include <string>

#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

constexpr std::uint32_t type_directory = 0040000;
constexpr std::uint32_t type_character_device = 0020000;
constexpr std::uint32_t type_file = 0100000;
constexpr std::size_t field_alignment = 4;
constexpr std::size_t block_size = 512;

std::string hex8(std::uint64_t value) {
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08X", static_cast<unsigned>(value));
  return digits;
}

}  // namespace

void CpioWriter::directory(std::string_view path, std::uint32_t permissions) {
  entry(path, type_directory | permissions, {}, {});
}

void CpioWriter::file(std::string_view path, std::uint32_t permissions,
                      std::span<const std::byte> data) {
  entry(path, type_file | permissions, data, {});
}

void CpioWriter::character_device(std::string_view path, std::uint32_t permissions,
                                  std::uint32_t major, std::uint32_t minor) {
  entry(path, type_character_device | permissions, {}, {major, minor});
}

void CpioWriter::finish() {
  next_inode_ = 0;
  entry("TRAILER!!!", 0, {}, {});
  pad(block_size);
}

void CpioWriter::entry(std::string_view path, std::uint32_t mode, std::span<const std::byte> data,
                       Device device) {
  if (data.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(Errc::invalid_argument, std::string(path) + ": too long for a cpio archive");
  }
  const std::uint64_t links = (mode & type_directory) != 0 && (mode & type_file) == 0 ? 2 : 1;
  std::string header = "070701";
  header += hex8(next_inode_++) + hex8(mode) + hex8(0) + hex8(0) + hex8(links) + hex8(0);
  header += hex8(data.size()) + hex8(0) + hex8(0) + hex8(device.major) + hex8(device.minor);
  header += hex8(path.size() + 1) + hex8(0);
  header.append(path).push_back('\0');
  write(std::as_bytes(std::span(header)));
  pad(field_alignment);
  write(data);
  pad(field_alignment);
}

void CpioWriter::pad(std::size_t alignment) {
  static constexpr std::array<std::byte, block_size> zeros{};
  write(std::span(zeros).first((alignment - written_ % alignment) % alignment));
}

void CpioWriter::write(std::span<const std::byte> data) {
  if (data.empty()) return;
  sink_.write(data);
  written_ += data.size();
}

}  // namespace vmkit::agent
