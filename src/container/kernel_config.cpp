// SPDX-License-Identifier: Apache-2.0
#include "container/kernel_config.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include <vmkit/archive/compression.hpp>
#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::container {
namespace {

constexpr std::size_t most_config_bytes = 4 * 1024 * 1024;
constexpr std::size_t longest_release = 64;

std::string word_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {};
  const std::string_view rest = text.substr(at, longest_release);
  const auto end =
      std::find_if(rest.begin(), rest.end(), [](char c) { return c <= ' ' || c > '~'; });
  return std::string(rest.begin(), end);
}

/// The boot protocol of x86: "HdrS" at 0x202, and at 0x20e where the version's text is, less 0x200.
std::string release_in_header(std::string_view image) {
  constexpr std::size_t magic_at = 0x202;
  constexpr std::size_t version_at = 0x20e;
  if (image.size() < version_at + 2 || image.substr(magic_at, 4) != "HdrS") return {};
  const auto* bytes = reinterpret_cast<const std::byte*>(image.data());
  const std::size_t offset = load_le<std::uint16_t>(bytes + version_at);
  return word_at(image, 0x200 + offset);
}

std::string release_in_banner(std::string_view image) {
  constexpr std::string_view banner = "Linux version ";
  // The first is a format without the number, in some kernels.
  for (std::size_t at = image.find(banner); at != image.npos; at = image.find(banner, at + 1)) {
    std::string release = word_at(image, at + banner.size());
    if (!release.empty() && release[0] >= '0' && release[0] <= '9') return release;
  }
  return {};
}

class ViewSource final : public Source {
 public:
  explicit ViewSource(std::string_view bytes) : bytes_(bytes) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), bytes_.size());
    std::copy_n(reinterpret_cast<const std::byte*>(bytes_.data()), count, buffer.begin());
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
};

/// IKCONFIG: a gzip file between two words.
std::optional<std::string> embedded_config(std::string_view image) {
  constexpr std::string_view begin = "IKCFG_ST";
  constexpr std::string_view end = "IKCFG_ED";
  const std::size_t from = image.find(std::string(begin) + "\x1f\x8b");
  if (from == image.npos) return std::nullopt;
  const std::size_t to = image.find(end, from);
  if (to == image.npos) return std::nullopt;
  try {
    const auto unpacked = archive::decompress(
        std::make_unique<ViewSource>(image.substr(from + begin.size(), to - from - begin.size())),
        {.compression = archive::Compression::gzip, .output_limit = ByteSize(most_config_bytes)});
    std::string text;
    std::string buffer(64 * 1024, '\0');
    while (const std::size_t count = unpacked->read(std::as_writable_bytes(std::span(buffer)))) {
      text.append(buffer, 0, count);
    }
    return text;
  } catch (const Error&) {
    return std::nullopt;  // bytes that only looked like it
  }
}

}  // namespace

KernelSymbols parse_kernel_config(std::string_view text) {
  KernelSymbols symbols;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (line.rfind("CONFIG_", 0) != 0 || equals == line.npos || line.size() != equals + 2) continue;
    const char value = line[equals + 1];
    if (value == 'y' || value == 'm') symbols.emplace(line.substr(0, equals), value);
  }
  return symbols;
}

KernelImage inspect_kernel_image(std::string_view image) {
  KernelImage result;
  result.release = release_in_header(image);
  if (result.release.empty()) result.release = release_in_banner(image);
  result.embedded = embedded_config(image);
  return result;
}

}  // namespace vmkit::container
