// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/htree_hash.hpp"

#include <algorithm>
#include <bit>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t words = 8;
using Words = std::array<std::uint32_t, words>;

/// The next 32 bytes of a name as words, the first byte highest; what is missing at the end is
/// filled with the number of bytes left.
Words pack(std::string_view rest, bool unsigned_bytes) {
  std::uint32_t pad = static_cast<std::uint32_t>(rest.size()) & 0xff;
  pad |= static_cast<std::uint32_t>(rest.size()) << 8;
  pad |= pad << 16;
  Words packed;
  packed.fill(pad);
  const std::size_t length = std::min(rest.size(), words * 4);
  for (std::size_t i = 0; i < length; ++i) {
    std::uint32_t& word = packed[i / 4];
    const auto byte = static_cast<unsigned char>(rest[i]);
    const auto negative = static_cast<std::uint32_t>(static_cast<signed char>(byte));
    word = (word << 8) + (unsigned_bytes ? byte : negative);
  }
  return packed;
}

struct Step {
  std::size_t word;
  int rotation;
};

template <typename Mix>
void round(HtreeSeed& state, const Words& in, const std::array<Step, 8>& steps,
           std::uint32_t constant, Mix mix) {
  auto& [a, b, c, d] = state;
  for (const Step& step : steps) {
    const std::uint32_t next =
        std::rotl(a + mix(b, c, d) + in[step.word] + constant, step.rotation);
    a = d;
    d = c;
    c = b;
    b = next;
  }
}

void transform(HtreeSeed& state, const Words& in) {
  HtreeSeed work = state;
  round(work, in, {{{0, 3}, {1, 7}, {2, 11}, {3, 19}, {4, 3}, {5, 7}, {6, 11}, {7, 19}}}, 0,
        [](auto x, auto y, auto z) { return z ^ (x & (y ^ z)); });
  round(work, in, {{{1, 3}, {3, 5}, {5, 9}, {7, 13}, {0, 3}, {2, 5}, {4, 9}, {6, 13}}}, 0x5a827999,
        [](auto x, auto y, auto z) { return (x & y) + ((x ^ y) & z); });
  round(work, in, {{{3, 3}, {7, 9}, {2, 11}, {6, 15}, {1, 3}, {5, 9}, {0, 11}, {4, 15}}},
        0x6ed9eba1, [](auto x, auto y, auto z) { return x ^ y ^ z; });
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += work[i];
}

}  // namespace

HtreeHash htree_hash(std::string_view name, const HtreeHasher& hasher) {
  HtreeSeed state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  if (hasher.seed != HtreeSeed{}) state = hasher.seed;
  while (!name.empty()) {
    transform(state, pack(name, hasher.unsigned_bytes));
    name.remove_prefix(std::min(name.size(), words * 4));
  }
  constexpr std::uint32_t end_of_directory = 0xfffffffe;  // never the hash of a name
  std::uint32_t major = state[1] & ~std::uint32_t{1};
  if (major == end_of_directory) major -= 2;
  return {major, state[2]};
}

}  // namespace vmkit::ext4
