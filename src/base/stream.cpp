// SPDX-License-Identifier: Apache-2.0
#include <vmkit/base/error.hpp>
#include <vmkit/base/read_to_end.hpp>
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

std::string read_to_end(Source& source, ByteSize limit) {
  constexpr std::size_t step = 65536;
  std::string text;
  std::size_t filled = 0;
  for (;;) {
    text.resize(filled + step);
    const std::size_t count = source.read(std::as_writable_bytes(std::span(text).subspan(filled)));
    filled += count;
    if (count == 0) break;
    if (filled > limit.bytes()) {
      throw Error(Errc::resource_exhausted, "more than " + to_string(limit) + " to read");
    }
  }
  text.resize(filled);
  return text;
}

}  // namespace vmkit
