// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <doctest/doctest.h>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "support/e2fsck.hpp"
#include "support/sparse_file_device.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::ext4::test {

using vmkit::test::debugfs;
using vmkit::test::dumpe2fs;
using vmkit::test::e2fsck_complaints;
using vmkit::test::have_e2fsprogs;
using vmkit::test::SparseFileDevice;

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline FormatOptions options_of(ByteSize size) {
  FormatOptions options;
  options.size = size;
  for (std::size_t i = 0; i < 16; ++i) {
    options.uuid[i] = static_cast<std::byte>(0x11 * (i + 1));
    options.hash_seed[i] = static_cast<std::byte>(0xf0 - 7 * i);
  }
  options.label = "vmkit-test";
  options.created = {1'700'000'000, 0};
  return options;
}

/// Bytes that differ from block to block.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  unsigned state = seed * 2654435761U + 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The code of the Error that `call` throws, whose message has `words`.
inline Errc error_code(const std::function<void()>& call, std::string_view words) {
  try {
    call();
  } catch (const Error& error) {
    CHECK_MESSAGE(contains(error.what(), words), error.what());
    return error.code();
  }
  FAIL_CHECK("no error");
  return Errc::internal;
}

inline Inode add_file(Filesystem& fs, Inode parent, std::string_view name, std::string_view data,
                      const Attributes& attributes = {.permissions = 0644}) {
  FileWriter writer = fs.make_file(parent, name, attributes);
  writer.write(bytes_of(data));
  writer.finish();
  return writer.inode();
}

}  // namespace vmkit::ext4::test
