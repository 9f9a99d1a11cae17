// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "support/memory_block_device.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/rootfs/unpack.hpp>

using namespace vmkit;
using namespace vmkit::test;

namespace {

constexpr std::size_t magic_offset = 1024 + 56;

bool mountable(const MemoryBlockDevice& device) {
  return device.bytes().size() > magic_offset + 1 &&
         device.bytes()[magic_offset] == std::byte{0x53} &&
         device.bytes()[magic_offset + 1] == std::byte{0xEF};
}

}  // namespace

TEST_CASE(
    "unpack failure: whichever change of the device fails, there is no half-made disk on it") {
  const auto layers = layers_of({{{.name = "a", .data = std::string(9000, 'a')},
                                  {.name = "d/", .type = '5'},
                                  {.name = "d/b", .data = "b"}},
                                 {{.name = "d/.wh.b"}, {.name = "a", .data = "again"}},
                                 {{.name = "c", .data = std::string(70'000, 'c')}}});
  MemoryBlockDevice whole;
  whole.resize(4_MiB);
  rootfs::unpack(layers, whole);
  REQUIRE(mountable(whole));
  const std::uint64_t changes = whole.changes();
  REQUIRE(changes > 20);
  for (std::uint64_t n = 1; n < changes; ++n) {
    CAPTURE(n);
    MemoryBlockDevice device;
    device.resize(4_MiB);
    device.fail_after(n - 1);
    check_error(Errc::io, {"the test's device fails"}, [&] { rootfs::unpack(layers, device); });
    // The last change but one writes the superblock, the last flushes it.
    CHECK(mountable(device) == (n == changes - 1));
  }
}
