// SPDX-License-Identifier: Apache-2.0
#include "containers/names.hpp"

#include <array>
#include <cctype>
#include <cstdio>
#include <random>

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

constexpr std::array adjectives{"agile",  "amber",  "bold",   "brave", "bright", "brisk", "calm",
                                "candid", "clever", "cosy",   "crisp", "deft",   "eager", "early",
                                "fair",   "fleet",  "fond",   "frank", "gentle", "glad",  "golden",
                                "happy",  "honest", "humble", "jolly", "keen",   "kind",  "light",
                                "lively", "lucid",  "merry",  "mild",  "neat",   "noble", "patient",
                                "plain",  "proud",  "quick",  "quiet", "ready",  "sharp", "silver",
                                "sober",  "steady", "sunny",  "swift", "tidy",   "warm"};
constexpr std::array nouns{"acorn",   "badger", "beaver", "birch",  "brook",  "cedar",   "cliff",
                           "clover",  "comet",  "coral",  "crane",  "curlew", "delta",   "dune",
                           "elm",     "ember",  "falcon", "fern",   "finch",  "fjord",   "fox",
                           "glacier", "harbor", "hare",   "heron",  "island", "juniper", "kestrel",
                           "lagoon",  "lark",   "maple",  "marten", "meadow", "orchid",  "osprey",
                           "otter",   "pebble", "pine",   "plover", "quartz", "raven",   "reed",
                           "river",   "robin",  "spruce", "stork",  "willow", "wren"};

template <class Words>
std::string any_of(const Words& words, std::random_device& random) {
  return words[std::uniform_int_distribution<std::size_t>(0, words.size() - 1)(random)];
}

}  // namespace

std::string random_id() {
  std::random_device random;
  char text[16];
  std::snprintf(text, sizeof text, "%08x%04x", random(), random() & 0xffff);
  return text;
}

std::string random_name() {
  std::random_device random;
  return any_of(adjectives, random) + '_' + any_of(nouns, random);
}

void check_name(const std::string& name) {
  const auto allowed = [&](std::size_t i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    return std::isalnum(byte) != 0 || (i > 0 && (byte == '_' || byte == '.' || byte == '-'));
  };
  bool good = !name.empty() && name.size() <= 64;
  for (std::size_t i = 0; good && i < name.size(); ++i) good = allowed(i);
  if (good) return;
  throw vmkit::Error(vmkit::Errc::invalid_argument,
                     "\"" + name +
                         "\" cannot be a container's name: expected 1 to 64 letters, digits, '_', "
                         "'.' and '-', the first a letter or digit");
}

}  // namespace cli
