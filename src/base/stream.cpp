// SPDX-License-Identifier: Apache-2.0
#include <vmkit/base/stream.hpp>

namespace vmkit {

Source::~Source() = default;
Sink::~Sink() = default;
Stream::~Stream() = default;

std::size_t read_full(Source& source, std::span<std::byte> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const std::size_t count = source.read(buffer.subspan(filled));
    if (count == 0) break;
    filled += count;
  }
  return filled;
}

}  // namespace vmkit
