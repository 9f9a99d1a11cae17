// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "agent/json.hpp"
#include "agent/message.hpp"
#include "agent/preamble.hpp"
#include "fuzz/target.hpp"

namespace {

using namespace vmkit::agent;
using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

std::vector<std::string> messages_of(std::string_view input, std::size_t step, bool& whole) {
  std::vector<std::string> messages;
  whole = accepts({Errc::data_corruption}, [&] {
    MessageDecoder decoder;
    while (!input.empty()) {
      auto part = std::as_bytes(std::span(input.substr(0, step)));
      input.remove_prefix(part.size());
      while (auto message = decoder.next(part)) messages.push_back(std::move(*message));
      require(part.empty(), "all input is eaten when there is no message");
    }
  });
  return messages;
}

std::size_t preambles_in(std::string_view input, std::size_t step) {
  PreambleScanner scanner(Preamble::Kind::hello);
  std::size_t count = 0;
  while (!input.empty()) {
    auto part = std::as_bytes(std::span(input.substr(0, step)));
    input.remove_prefix(part.size());
    while (const auto found = scanner.scan(part)) {
      const auto bytes = found->encode();
      PreambleScanner again(Preamble::Kind::hello);
      std::span<const std::byte> rest = bytes;
      const auto same = again.scan(rest);
      require(same && same->version == found->version && same->nonce == found->nonce,
              "a preamble can be written and found again");
      ++count;
    }
  }
  return count;
}

void check_json(std::string_view text) {
  accepts({Errc::data_corruption}, [&] {
    const Json message = parse_message(text);
    require(parse_message(dump_message(message, BadUtf8::refuse)) == message,
            "an accepted message can be written and read again");
  });
}

const vmkit::fuzz::Target target("agent_message", [](std::string_view input) {
  check_json(input);
  bool whole = false;
  const auto messages = messages_of(input, input.size() + 1, whole);
  for (const std::string& message : messages) check_json(message);
  bool whole_in_pieces = false;
  require(messages_of(input, 3, whole_in_pieces) == messages && whole == whole_in_pieces,
          "messages are the same however their bytes come in");
  require(preambles_in(input, 3) == preambles_in(input, input.size() + 1),
          "preambles are found however their bytes come in");
});

}  // namespace
