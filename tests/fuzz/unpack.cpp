// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "fuzz/tar_checksums.hpp"
#include "fuzz/target.hpp"
#include "support/memory_block_device.hpp"
#include "support/memory_source.hpp"

#include <vmkit/rootfs/unpack.hpp>

namespace {

using vmkit::ByteSize;
using vmkit::Digest;
using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using vmkit::rootfs::Layer;

constexpr ByteSize disk_size = ByteSize(2 << 20);
constexpr std::uint64_t most_entries = 200;

/// Whether the layer, applied once and again over itself, makes a disk.
bool unpacked(const std::string& tar, const Digest& diff_id, std::vector<std::byte>& disk) {
  return accepts({Errc::data_corruption, Errc::resource_exhausted, Errc::unsupported}, [&] {
    Layer layer{diff_id, [&] { return std::make_unique<vmkit::test::MemorySource>(tar); }};
    layer.compression = vmkit::archive::Compression::none;
    vmkit::test::MemoryBlockDevice device;
    device.resize(disk_size);
    vmkit::rootfs::UnpackOptions options;
    options.limits = {ByteSize(1 << 20), most_entries};
    const auto result = vmkit::rootfs::unpack(std::vector{layer, layer}, device, options);
    require(result.entries <= most_entries, "the limit of the entries holds");
    disk = device.bytes();
  });
}

const vmkit::fuzz::Target target("unpack", [](std::string_view input) {
  const std::string tar = vmkit::fuzz::with_right_checksums(input);
  const Digest diff_id = vmkit::digest_of(tar);
  std::vector<std::byte> disk;
  if (!unpacked(tar, diff_id, disk)) return;
  std::vector<std::byte> again;
  require(unpacked(tar, diff_id, again) && disk == again, "the same layers give the same disk");
  require(!unpacked(tar, vmkit::digest_of("another layer"), again), "the diff ID is verified");
});

}  // namespace
