// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/qmp.hpp"

#include <string>
#include <vector>

#include "fuzz/target.hpp"

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using namespace vmkit::vm::qemu;

std::string told(const QmpMessage& message) {
  if (const auto* reply = std::get_if<QmpReply>(&message)) {
    return "reply " + std::to_string(reply->id) + reply->error.value_or("");
  }
  if (const auto* event = std::get_if<QmpEvent>(&message)) {
    require(event->data.is_object(), "an event's data is an object");
    return "event " + event->name + event->text("reason").value_or("") +
           (event->flag("guest") ? " by the guest" : "");
  }
  return "greeting";
}

std::vector<std::string> conversation(std::string_view input, std::size_t step, bool& whole) {
  std::vector<std::string> messages;
  whole = accepts({Errc::data_corruption}, [&] {
    QmpParser parser;
    while (!input.empty()) {
      parser.add(input.substr(0, step));
      input.remove_prefix(std::min(step, input.size()));
      while (const auto message = parser.next()) messages.push_back(told(*message));
    }
  });
  return messages;
}

const vmkit::fuzz::Target target("qmp", [](std::string_view input) {
  bool whole = false;
  const auto messages = conversation(input, 16384, whole);
  bool whole_in_pieces = false;
  require(conversation(input, 7, whole_in_pieces) == messages && whole == whole_in_pieces,
          "messages are the same however their bytes come in");
});

}  // namespace
