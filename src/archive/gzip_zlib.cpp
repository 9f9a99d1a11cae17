// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <zlib.h>

#include "archive/decoder.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::archive {
namespace {

constexpr int gzip_window_bits = 15 + 16;  // 16: a gzip wrapper, and nothing else

uInt clamp(std::size_t length) {
  return static_cast<uInt>(std::min<std::size_t>(length, std::numeric_limits<uInt>::max()));
}

class ZlibGzipDecoder final : public Decoder {
 public:
  ZlibGzipDecoder() {
    if (inflateInit2(&stream_, gzip_window_bits) != Z_OK) {
      throw Error(Errc::resource_exhausted, "gzip: zlib could not start: no memory");
    }
  }
  ~ZlibGzipDecoder() override { inflateEnd(&stream_); }
  ZlibGzipDecoder(const ZlibGzipDecoder&) = delete;
  ZlibGzipDecoder& operator=(const ZlibGzipDecoder&) = delete;

  void reset() override { inflateReset(&stream_); }

  DecodeStep decode(std::span<const std::byte> input, std::span<std::byte> output) override {
    // zlib reads only through this pointer; it is not const for reasons of C and age.
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
    stream_.avail_in = clamp(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = clamp(output.size());
    const uInt given = stream_.avail_in;
    const uInt room = stream_.avail_out;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    DecodeStep step{given - stream_.avail_in, room - stream_.avail_out, status == Z_STREAM_END};
    if (status == Z_MEM_ERROR) {
      throw Error(Errc::resource_exhausted, "gzip: zlib could not go on: no memory");
    }
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      step.problem = stream_.msg != nullptr ? stream_.msg : "invalid data";
    }
    return step;
  }

 private:
  z_stream stream_ = {};
};

}  // namespace

std::unique_ptr<Decoder> make_zlib_gzip_decoder() {
  return std::make_unique<ZlibGzipDecoder>();
}

}  // namespace vmkit::archive
