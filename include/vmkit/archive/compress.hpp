// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include <vmkit/archive/compression.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::archive {

/// Which compression, and how hard.
struct CompressOptions {
  Compression compression = Compression::gzip;
  /// gzip: 1 to 9, by default 6; zstd: 1 to 19, by default 3.
  std::optional<int> level = {};
};

/// A Sink that passes on to another what is written to it, compressed: one gzip member or zstd
/// frame (with its checksum), or the same bytes for Compression::none. No name and no time goes
/// into it: the same input, however it is cut into pieces, gives the same bytes with the same
/// release of zlib or libzstd. What the target throws comes through unchanged. Confined.
class Compressor final : public Sink {
 public:
  /// `target` must outlive it. Throws invalid_argument for a level that there is not.
  explicit Compressor(Sink& target, const CompressOptions& options = {});
  ~Compressor() override;
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  void write(std::span<const std::byte> data) override;
  /// Writes the end. Without it the target has an incomplete stream. Nothing may be written
  /// afterwards.
  void finish();

  struct Encoder;

 private:
  Sink& target_;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace vmkit::archive
