// SPDX-License-Identifier: Apache-2.0
#include "agent/datagrams.hpp"

#include <string>
#include <vector>

#include "fuzz/target.hpp"

namespace {

using vmkit::agent::append_datagram;
using vmkit::agent::DatagramDecoder;
using vmkit::fuzz::require;

std::vector<std::string> cut(std::string_view input, std::size_t step) {
  DatagramDecoder decoder;
  std::vector<std::string> found;
  while (!input.empty()) {
    auto part = std::as_bytes(std::span(input.substr(0, step)));
    input.remove_prefix(part.size());
    while (const auto datagram = decoder.next(part)) {
      require(datagram->size() <= vmkit::agent::max_datagram, "a datagram has a length");
      found.emplace_back(reinterpret_cast<const char*>(datagram->data()), datagram->size());
    }
    require(part.empty(), "what is no whole datagram is held");
  }
  return found;
}

const vmkit::fuzz::Target target("datagrams", [](std::string_view input) {
  const auto found = cut(input, 65536);
  require(found == cut(input, 1), "datagrams are the same however they come");
  std::vector<std::byte> bytes;
  for (const std::string& datagram : found)
    append_datagram(std::as_bytes(std::span(datagram)), bytes);
  const std::string_view again(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  require(input.starts_with(again), "what was cut is what came");
});

}  // namespace
