// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace vmkit::archive {

/// What one call of a decoder did. Nothing consumed, nothing produced: it wants more input.
struct DecodeStep {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  bool frame_end = false;         ///< A gzip member or zstd frame is complete and verified.
  const char* problem = nullptr;  ///< The data is garbled: why. Otherwise null.
};

/// One decompression library. Each frame starts with reset().
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void reset() = 0;
  virtual DecodeStep decode(std::span<const std::byte> input, std::span<std::byte> output) = 0;
};

/// The fastest gzip decoder of this build: ISA-L's, or zlib's where there is no ISA-L.
std::unique_ptr<Decoder> make_gzip_decoder();
std::unique_ptr<Decoder> make_zlib_gzip_decoder();
std::unique_ptr<Decoder> make_zstd_decoder();

}  // namespace vmkit::archive
