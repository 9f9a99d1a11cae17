// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "archive/decoder.hpp"

#include <vmkit/archive/compression.hpp>

namespace vmkit::archive {

/// Runs a Decoder over a Source: frames, ends, limits and the places of errors.
class DecompressingSource final : public Source {
 public:
  using MakeDecoder = std::unique_ptr<Decoder> (*)(Compression);

  /// `make` is asked at the first read; null for Compression::none.
  DecompressingSource(std::unique_ptr<Source> compressed, const DecompressOptions& options,
                      MakeDecoder make);
  DecompressingSource(std::unique_ptr<ReadAhead> compressed, const DecompressOptions& options,
                      MakeDecoder make);

  std::size_t read(std::span<std::byte> buffer) override;

 private:
  void start();
  void fill();
  std::size_t decode(std::span<std::byte> buffer);
  std::size_t pass(std::span<std::byte> buffer);
  [[noreturn]] void fail(std::string_view problem) const;

  std::unique_ptr<Source> compressed_;
  ReadAhead* ahead_ = nullptr;  // the same, if its buffers can be used where they are
  DecompressOptions options_;
  MakeDecoder make_;
  Compression compression_ = Compression::none;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<std::byte[]> storage_;
  std::span<const std::byte> input_;  // what of storage_, or of ahead_, is not decoded yet
  bool started_ = false;
  bool input_ended_ = false;
  bool in_frame_ = false;
  std::uint64_t consumed_ = 0;
  std::uint64_t produced_ = 0;
};

}  // namespace vmkit::archive
