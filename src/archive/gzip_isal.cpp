// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <isa-l/igzip_lib.h>
#include <limits>

#include "archive/decoder.hpp"

namespace vmkit::archive {
namespace {

std::uint32_t clamp_length(std::size_t length) {
  // Far below the type's limit: ISA-L does arithmetic with these numbers.
  return static_cast<std::uint32_t>(std::min<std::size_t>(length, 1U << 30));
}

const char* describe(int status) {
  switch (status) {
    case ISAL_INVALID_BLOCK:
      return "invalid deflate block";
    case ISAL_INVALID_SYMBOL:
      return "invalid symbol";
    case ISAL_INVALID_LOOKBACK:
      return "distance too far back";
    case ISAL_INVALID_WRAPPER:
      return "incorrect header check";
    case ISAL_UNSUPPORTED_METHOD:
      return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
      return "incorrect data check";
    default:
      return "invalid data";
  }
}

class IsalGzipDecoder final : public Decoder {
 public:
  IsalGzipDecoder() { isal_inflate_init(&state_); }

  void reset() override {
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP;
  }

  DecodeStep decode(std::span<const std::byte> input, std::span<std::byte> output) override {
    // ISA-L reads only through this pointer.
    state_.next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(input.data()));
    state_.avail_in = clamp_length(input.size());
    state_.next_out = reinterpret_cast<std::uint8_t*>(output.data());
    state_.avail_out = clamp_length(output.size());
    const std::uint32_t given = state_.avail_in;
    const std::uint32_t room = state_.avail_out;
    const int status = isal_inflate(&state_);
    DecodeStep step{given - state_.avail_in, room - state_.avail_out,
                    status == ISAL_DECOMP_OK && state_.block_state == ISAL_BLOCK_FINISH};
    if (status != ISAL_DECOMP_OK && status != ISAL_END_INPUT && status != ISAL_OUT_OVERFLOW) {
      step.problem = describe(status);
    }
    return step;
  }

 private:
  inflate_state state_;
};

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder() {
  return std::make_unique<IsalGzipDecoder>();
}

}  // namespace vmkit::archive
