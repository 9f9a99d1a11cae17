// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "archive/decompressing_source.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::archive {
namespace {

constexpr std::size_t input_size = 256 * 1024;

std::unique_ptr<Decoder> make_decoder(Compression compression) {
  switch (compression) {
    case Compression::none:
      return nullptr;
    case Compression::gzip:
      return make_gzip_decoder();
    case Compression::zstd:
      return make_zstd_decoder();
  }
  throw Error(Errc::invalid_argument, "unknown compression");
}

}  // namespace

std::string_view to_string(Compression compression) noexcept {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
  }
  return "unknown";
}

Compression detect_compression(std::span<const std::byte> head) noexcept {
  if (head.size() >= 2 && head[0] == std::byte{0x1f} && head[1] == std::byte{0x8b}) {
    return Compression::gzip;
  }
  if (head.size() >= 4) {
    const auto magic = load_le<std::uint32_t>(head.data());
    // 0x184D2A50 to 5F: skippable frames, which may come first.
    if (magic == 0xFD2FB528 || (magic & 0xFFFFFFF0) == 0x184D2A50) return Compression::zstd;
  }
  return Compression::none;
}

DecompressingSource::DecompressingSource(std::unique_ptr<Source> compressed,
                                         const DecompressOptions& options, MakeDecoder make)
    : compressed_(std::move(compressed)), options_(options), make_(make) {}

DecompressingSource::DecompressingSource(std::unique_ptr<ReadAhead> compressed,
                                         const DecompressOptions& options, MakeDecoder make)
    : ahead_(compressed.get()), options_(options), make_(make) {
  compressed_ = std::move(compressed);
}

std::size_t DecompressingSource::read(std::span<std::byte> buffer) {
  if (!started_) start();
  const std::size_t count = decoder_ ? decode(buffer) : pass(buffer);
  produced_ += count;
  if (options_.output_limit && produced_ > options_.output_limit->bytes()) {
    throw Error(Errc::resource_exhausted,
                "more content than the limit of " + vmkit::to_string(*options_.output_limit) +
                    " (after " + std::to_string(consumed_) + " compressed bytes)");
  }
  return count;
}

void DecompressingSource::start() {
  if (ahead_ != nullptr) {
    fill();  // a whole buffer, if there is so much
  } else {
    storage_.reset(new std::byte[input_size]);
    // One read may give less than the magic.
    const std::span head(storage_.get(), compression_magic_length);
    input_ = head.first(read_full(*compressed_, head));
  }
  compression_ = options_.compression.value_or(detect_compression(input_));
  decoder_ = make_(compression_);
  if (decoder_) decoder_->reset();
  in_frame_ = true;  // there must be one, even if the input is empty
  started_ = true;
}

void DecompressingSource::fill() {
  if (ahead_ != nullptr) {
    input_ = ahead_->next();
  } else {
    const std::span room(storage_.get(), input_size);
    input_ = room.first(compressed_->read(room));
  }
  input_ended_ = input_.empty();
}

std::size_t DecompressingSource::decode(std::span<std::byte> buffer) {
  for (;;) {
    if (input_.empty() && !input_ended_) fill();
    if (!in_frame_) {
      if (input_.empty()) return 0;
      decoder_->reset();
      in_frame_ = true;
    }
    const DecodeStep step = decoder_->decode(input_, buffer);
    if (step.problem != nullptr) fail(step.problem);
    consumed_ += step.consumed;
    input_ = input_.subspan(step.consumed);
    in_frame_ = !step.frame_end;
    if (step.produced > 0) return step.produced;
    if (!step.frame_end && step.consumed == 0) {
      if (input_.empty() && input_ended_) fail("the data ends early");
      // With input and room it must do something, or we would go round for ever.
      if (!input_.empty()) fail("the decoder makes no progress");
    }
  }
}

std::size_t DecompressingSource::pass(std::span<std::byte> buffer) {
  if (input_.empty()) {
    const std::size_t count = compressed_->read(buffer);
    consumed_ += count;
    return count;
  }
  const std::size_t count = std::min(buffer.size(), input_.size());
  std::copy_n(input_.begin(), count, buffer.begin());
  input_ = input_.subspan(count);
  consumed_ += count;
  return count;
}

void DecompressingSource::fail(std::string_view problem) const {
  throw Error(Errc::data_corruption, "garbled " + std::string(to_string(compression_)) +
                                         " data near byte " + std::to_string(consumed_) +
                                         " (after " + std::to_string(produced_) +
                                         " bytes of content): " + std::string(problem));
}

std::unique_ptr<Source> decompress(std::unique_ptr<Source> compressed,
                                   const DecompressOptions& options) {
  return std::make_unique<DecompressingSource>(std::move(compressed), options, &make_decoder);
}

std::unique_ptr<Source> decompress(std::unique_ptr<ReadAhead> compressed,
                                   const DecompressOptions& options) {
  return std::make_unique<DecompressingSource>(std::move(compressed), options, &make_decoder);
}

}  // namespace vmkit::archive
