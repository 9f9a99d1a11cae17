// SPDX-License-Identifier: Apache-2.0
#include "archive/decoder.hpp"

namespace vmkit::archive {

std::unique_ptr<Decoder> make_gzip_decoder() {
  return make_zlib_gzip_decoder();
}

}  // namespace vmkit::archive
