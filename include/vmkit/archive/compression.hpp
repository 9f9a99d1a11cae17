// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <vmkit/archive/read_ahead.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::archive {

enum class Compression { none, gzip, zstd };

/// "none", "gzip", "zstd".
std::string_view to_string(Compression compression) noexcept;

/// How many bytes detect_compression() wants to see.
inline constexpr std::size_t compression_magic_length = 4;

/// What the first bytes of a file tell; `none` for everything that is neither gzip (RFC 1952) nor
/// zstd (RFC 8878, skippable frames included). `head` may be shorter than the magic.
Compression detect_compression(std::span<const std::byte> head) noexcept;

/// What is expected of compressed data, and how much may come of it.
struct DecompressOptions {
  /// What the data is; without it the first bytes decide.
  std::optional<Compression> compression = {};
  /// More content than this is an error (resource_exhausted): a decompression bomb.
  std::optional<ByteSize> output_limit = {};
};

/// A Source of the content of `compressed`: all gzip members or zstd frames, one after another,
/// every checksum verified. Nothing is read before the first read().
///
/// Reading throws data_corruption, with the offset, where the data is garbled, ends early, has
/// anything but another member after a member, or a zstd frame needs a window above 128 MiB; what
/// was read before is genuine but not the whole. gzip runs on ISA-L where the library was built
/// with it, on zlib otherwise: the results are the same. Memory: about 600 KiB, for zstd the
/// frame's window besides (8 MiB up to level 19). Confined.
std::unique_ptr<Source> decompress(std::unique_ptr<Source> compressed,
                                   const DecompressOptions& options = {});
/// The same without copying the compressed data.
std::unique_ptr<Source> decompress(std::unique_ptr<ReadAhead> compressed,
                                   const DecompressOptions& options = {});

}  // namespace vmkit::archive
