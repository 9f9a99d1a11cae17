// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include "archive/decoder.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::archive {
namespace {

constexpr int largest_window_log = 27;  // 128 MiB: what `zstd -d` accepts without being asked

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    if (!context_ || ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax,
                                                         largest_window_log))) {
      throw Error(Errc::resource_exhausted, "zstd: the decoder could not start: no memory");
    }
  }

  void reset() override { ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only); }

  DecodeStep decode(std::span<const std::byte> input, std::span<std::byte> output) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const std::size_t status = ZSTD_decompressStream(context_.get(), &out, &in);
    DecodeStep step{in.pos, out.pos, status == 0};
    if (ZSTD_isError(status)) step.problem = ZSTD_getErrorName(status);
    return step;
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

}  // namespace

std::unique_ptr<Decoder> make_zstd_decoder() {
  return std::make_unique<ZstdDecoder>();
}

}  // namespace vmkit::archive
