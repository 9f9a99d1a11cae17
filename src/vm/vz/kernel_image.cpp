// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/kernel_image.hpp"

#include <array>
#include <span>

#include "os/file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {
namespace {

using namespace std::string_view_literals;

bool has(std::string_view start, std::size_t offset, std::string_view magic) {
  return start.size() >= offset + magic.size() && start.substr(offset, magic.size()) == magic;
}

std::string found(std::string_view start) {
  if (has(start, 0, "MZ") && has(start, 4, "zimg")) return "a compressed one (EFI zboot)";
  if (has(start, 0, "\x1f\x8b")) return "one compressed by gzip";
  if (has(start, 0, "\x28\xb5\x2f\xfd")) return "one compressed by zstd";
  if (has(start, 0,
          "\xfd"
          "7zXZ"))
    return "one compressed by xz";
  if (has(start, 0, "\x02\x21\x4c\x18")) return "one compressed by lz4";
  if (has(start, 0x38, "ARM\x64")) return "one for arm64";
  if (has(start, 0x202, "HdrS")) return "one for x86";
  if (has(start, 0,
          "\x7f"
          "ELF"))
    return "an ELF file";
  return "no kernel that is known";
}

}  // namespace

std::string kernel_image_problem(std::string_view start, Architecture architecture) {
  if (architecture == Architecture::arm64) {
    if (has(start, 0x38, "ARM\x64") && !has(start, 4, "zimg")) return {};
    return "expected an uncompressed arm64 Image, found " + found(start) +
           "; take arch/arm64/boot/Image, or decompress it (gunzip; scripts/extract-vmlinux)";
  }
  // A kernel of x86 decompresses itself.
  if (has(start, 0x202, "HdrS") || has(start, 0,
                                       "\x7f"
                                       "ELF"))
    return {};
  return "expected a bzImage, found " + found(start) + "; take arch/x86/boot/bzImage";
}

void check_kernel_image(const std::filesystem::path& image, Architecture architecture) {
  const os::File file = os::File::open(image, os::File::Mode::read);
  std::array<char, 1024> start{};
  const std::size_t count = file.read_at(0, std::as_writable_bytes(std::span(start)));
  const std::string problem =
      kernel_image_problem(std::string_view(start.data(), count), architecture);
  if (!problem.empty()) {
    throw Error(Errc::invalid_argument, "kernel " + image.string() + ": " + problem);
  }
}

}  // namespace vmkit::vm::vz
