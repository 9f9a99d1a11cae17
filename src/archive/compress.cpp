// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <string>
#include <vector>
#include <zlib.h>
#include <zstd.h>

#include <vmkit/archive/compress.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::archive {

struct Compressor::Encoder {
  virtual ~Encoder() = default;
  /// Passes `data` on; with `last` the end, too.
  virtual void encode(std::span<const std::byte> data, bool last, Sink& target) = 0;
};

namespace {

constexpr std::size_t output_size = 256 * 1024;

int level_of(const CompressOptions& options, int usual, int most) {
  const int level = options.level.value_or(usual);
  if (level >= 1 && level <= most) return level;
  throw Error(Errc::invalid_argument, std::string(to_string(options.compression)) + " level " +
                                          std::to_string(level) + ": expected 1 to " +
                                          std::to_string(most));
}

class PlainEncoder final : public Compressor::Encoder {
 public:
  void encode(std::span<const std::byte> data, bool, Sink& target) override {
    if (!data.empty()) target.write(data);
  }
};

class GzipEncoder final : public Compressor::Encoder {
 public:
  explicit GzipEncoder(int level) {
    constexpr int window_bits = 15 + 16;  // 16: a gzip wrapper
    constexpr int memory_level = 8;
    if (deflateInit2(&stream_, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw Error(Errc::resource_exhausted, "gzip: zlib could not start: no memory");
    }
    constexpr int unknown_system = 255;  // else zlib tells the host's
    header_.os = unknown_system;
    deflateSetHeader(&stream_, &header_);
  }
  ~GzipEncoder() override { deflateEnd(&stream_); }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  void encode(std::span<const std::byte> data, bool last, Sink& target) override {
    constexpr std::size_t most = std::numeric_limits<uInt>::max();
    do {
      const auto part = data.first(std::min(data.size(), most));
      data = data.subspan(part.size());
      // zlib reads only through this pointer; it is not const for reasons of C and age.
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(part.data()));
      stream_.avail_in = static_cast<uInt>(part.size());
      run(last && data.empty() ? Z_FINISH : Z_NO_FLUSH, target);
    } while (!data.empty());
  }

 private:
  void run(int flush, Sink& target) {
    int status = Z_OK;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(output_.data());
      stream_.avail_out = static_cast<uInt>(output_.size());
      status = deflate(&stream_, flush);
      const std::size_t made = output_.size() - stream_.avail_out;
      if (made > 0) target.write(std::span(output_).first(made));
    } while (stream_.avail_out == 0 && status != Z_STREAM_END);
  }

  z_stream stream_ = {};
  gz_header header_ = {};
  std::vector<std::byte> output_ = std::vector<std::byte>(output_size);
};

class ZstdEncoder final : public Compressor::Encoder {
 public:
  explicit ZstdEncoder(int level) : context_(ZSTD_createCCtx()) {
    if (!context_ ||
        ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1))) {
      throw Error(Errc::resource_exhausted, "zstd: the encoder could not start: no memory");
    }
  }

  void encode(std::span<const std::byte> data, bool last, Sink& target) override {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    const ZSTD_EndDirective mode = last ? ZSTD_e_end : ZSTD_e_continue;
    bool more = true;
    while (more) {
      ZSTD_outBuffer out{output_.data(), output_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in, mode);
      if (ZSTD_isError(left)) {
        throw Error(Errc::resource_exhausted,
                    std::string("zstd: the encoder failed: ") + ZSTD_getErrorName(left));
      }
      if (out.pos > 0) target.write(std::span(output_).first(out.pos));
      more = last ? left != 0 : in.pos < in.size;
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::vector<std::byte> output_ = std::vector<std::byte>(output_size);
};

std::unique_ptr<Compressor::Encoder> make_encoder(const CompressOptions& options) {
  switch (options.compression) {
    case Compression::none:
      return std::make_unique<PlainEncoder>();
    case Compression::gzip:
      return std::make_unique<GzipEncoder>(level_of(options, 6, 9));
    case Compression::zstd:
      return std::make_unique<ZstdEncoder>(level_of(options, 3, 19));
  }
  throw Error(Errc::invalid_argument, "unknown compression");
}

}  // namespace

Compressor::Compressor(Sink& target, const CompressOptions& options)
    : target_(target), encoder_(make_encoder(options)) {}

Compressor::~Compressor() = default;

void Compressor::write(std::span<const std::byte> data) {
  if (!data.empty()) encoder_->encode(data, false, target_);
}

void Compressor::finish() {
  encoder_->encode({}, true, target_);
}

}  // namespace vmkit::archive
