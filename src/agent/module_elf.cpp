// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <optional>

#include "agent/module_index.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

constexpr std::size_t section_header_size = 64;

[[noreturn]] void malformed(const char* what) {
  throw Error(Errc::data_corruption, std::string("kernel module: ") + what);
}

// Bounds-checked reads of an ELF file.
class Elf {
 public:
  explicit Elf(std::span<const std::byte> bytes) : bytes_(bytes) {
    static constexpr char magic[] =
        "\x7f"
        "ELF\x02\x01";
    if (bytes.size() < 64 || std::memcmp(bytes.data(), magic, 6) != 0) {
      malformed("expected a 64 bit little-endian ELF file (if it is compressed, run depmod)");
    }
    headers_ = get<std::uint64_t>(0x28);
    count_ = get<std::uint16_t>(0x3c);
    if (get<std::uint16_t>(0x3a) != section_header_size) malformed("odd section headers");
    names_ = section(get<std::uint16_t>(0x3e));
  }

  std::optional<std::span<const std::byte>> find(std::string_view name) const {
    for (std::size_t i = 0; i < count_; ++i) {
      const auto at = get<std::uint32_t>(header(i));
      // No more of it than that: it may go on to the file's end, for each of the sections.
      if (at < names_.size() && names_.size() - at > name.size() &&
          string_at(names_.subspan(at, name.size() + 1)) == name) {
        return section(i);
      }
    }
    return std::nullopt;
  }

  // Up to the next zero byte.
  static std::string_view string_at(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.substr(0, text.find('\0'));
  }

 private:
  template <class T>
  T get(std::uint64_t at) const {
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) malformed("truncated");
    return load_le<T>(&bytes_[at]);
  }
  std::uint64_t header(std::size_t index) const {
    if (index >= count_) malformed("a section that does not exist");
    if (headers_ > bytes_.size()) malformed("truncated");
    return headers_ + index * section_header_size;
  }
  std::span<const std::byte> section(std::size_t index) const {
    const auto at = header(index);
    const auto offset = get<std::uint64_t>(at + 0x18);
    const auto size = get<std::uint64_t>(at + 0x20);
    if (offset > bytes_.size() || size > bytes_.size() - offset) malformed("truncated section");
    return bytes_.subspan(offset, size);
  }

  std::span<const std::byte> bytes_;
  std::uint64_t headers_ = 0;
  std::size_t count_ = 0;
  std::span<const std::byte> names_;
};

}  // namespace

std::vector<std::string> module_dependencies(std::span<const std::byte> elf) {
  const auto info = Elf(elf).find(".modinfo");
  if (!info) malformed("no .modinfo section");
  constexpr std::string_view key = "depends=";
  std::vector<std::string> names;
  for (auto rest = *info; !rest.empty();) {
    std::string_view entry = Elf::string_at(rest);
    rest = rest.subspan(std::min(entry.size() + 1, rest.size()));
    if (!entry.starts_with(key)) continue;
    entry.remove_prefix(key.size());
    while (!entry.empty()) {
      const std::size_t end = std::min(entry.find(','), entry.size());
      if (end != 0) names.emplace_back(entry.substr(0, end));
      entry.remove_prefix(std::min(end + 1, entry.size()));
    }
  }
  return names;
}

}  // namespace vmkit::agent
