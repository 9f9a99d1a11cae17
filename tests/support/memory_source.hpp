// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>

#include <vmkit/base/stream.hpp>

namespace vmkit::test {

/// Gives a text, at most `step` bytes at a time.
class MemorySource final : public Source {
 public:
  explicit MemorySource(std::string text, std::size_t step = 65536)
      : text_(std::move(text)), step_(step) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({buffer.size(), text_.size() - position_, step_});
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()) + position_, count,
                buffer.begin());
    position_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t step_;
  std::size_t position_ = 0;
};

/// All that `source` still gives.
inline std::string read_all(Source& source, std::size_t step = 65536) {
  std::string all;
  std::string buffer(step, '\0');
  while (const std::size_t count = source.read(std::as_writable_bytes(std::span(buffer)))) {
    all.append(buffer, 0, count);
  }
  return all;
}

}  // namespace vmkit::test
