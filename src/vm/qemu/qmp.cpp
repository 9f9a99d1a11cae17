// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/qmp.hpp"

#include <algorithm>
#include <utility>

#include "base/json_depth.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {
namespace {

using nlohmann::json;

constexpr std::size_t deepest = 32;

/// A piece of foreign text for an error message: short and printable.
std::string excerpt(std::string_view text, std::size_t most) {
  std::string piece(text.substr(0, most));
  std::replace_if(
      piece.begin(), piece.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text.size() > piece.size() ? piece + "…" : piece;
}

[[noreturn]] void throw_garbled(std::string_view expected, std::string_view found) {
  throw Error(Errc::data_corruption, "qemu's control socket: expected " + std::string(expected) +
                                         ", found '" + excerpt(found, 60) + "'");
}

const json* find(const json& object, const char* member) {
  const auto found = object.find(member);
  return found == object.end() ? nullptr : &*found;
}

std::string error_text(const json& error) {
  const json* description = error.is_object() ? find(error, "desc") : nullptr;
  return description != nullptr && description->is_string()
             ? excerpt(description->get_ref<const std::string&>(), 300)
             : "an error without a description";
}

QmpMessage parse_line(std::string_view line) {
  if (json_deeper_than(line, deepest)) {
    throw_garbled("JSON nested at most " + std::to_string(deepest) + " deep", line);
  }
  const json message = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!message.is_object()) throw_garbled("a JSON object on each line", line);
  if (const json* name = find(message, "event")) {
    if (!name->is_string()) throw_garbled("an event with a name", line);
    QmpEvent event{name->get<std::string>(), json::object()};
    if (const json* data = find(message, "data"); data != nullptr && data->is_object()) {
      event.data = *data;
    }
    return event;
  }
  if (find(message, "QMP") != nullptr) return QmpGreeting{};
  const json* error = find(message, "error");
  const json* result = find(message, "return");
  if (error == nullptr && result == nullptr) {
    throw_garbled("a greeting, a reply or an event", line);
  }
  const json* id = find(message, "id");
  if (id == nullptr || !id->is_number_unsigned()) throw_garbled("a reply with our id", line);
  QmpReply reply{id->get<std::uint64_t>()};
  if (error != nullptr) {
    reply.error = error_text(*error);
  } else {
    reply.result = *result;
  }
  return reply;
}

}  // namespace

std::optional<std::string> QmpEvent::text(const char* member) const {
  const json* value = find(data, member);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

bool QmpEvent::flag(const char* member) const {
  const json* value = find(data, member);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

void QmpParser::add(std::string_view bytes) {
  buffer_.erase(0, std::exchange(consumed_, 0));
  buffer_ += bytes;
}

std::optional<QmpMessage> QmpParser::next() {
  for (;;) {
    const std::size_t end = buffer_.find('\n', std::max(searched_, consumed_));
    const std::size_t length = std::min(end, buffer_.size()) - consumed_;
    if (length > longest_line) {
      throw_garbled("a line of at most " + std::to_string(longest_line) + " bytes",
                    std::string_view(buffer_).substr(consumed_));
    }
    if (end == std::string::npos) {
      searched_ = buffer_.size() - consumed_;
      return std::nullopt;
    }
    std::string_view line = std::string_view(buffer_).substr(consumed_, length);
    consumed_ = end + 1;
    searched_ = 0;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) return parse_line(line);
  }
}

std::string to_line(const QmpCommand& command, std::uint64_t id) {
  json line{{"execute", command.name}, {"id", id}};
  if (!command.arguments.empty()) line["arguments"] = command.arguments;
  return line.dump() + "\n";
}

}  // namespace vmkit::vm::qemu
