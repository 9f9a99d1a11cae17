// SPDX-License-Identifier: Apache-2.0
#include "agent/json.hpp"

#include "agent/protocol.hpp"
#include "base/json_depth.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent {

Json parse_message(std::string_view text) {
  if (json_deeper_than(text, protocol::max_json_depth)) {
    throw Error(Errc::data_corruption, "agent message: JSON nested more than " +
                                           std::to_string(protocol::max_json_depth) + " deep");
  }
  Json message;
  try {
    message = Json::parse(text.begin(), text.end());
  } catch (const Json::exception&) {
    throw Error(Errc::data_corruption, "agent message: not JSON");
  }
  if (!message.is_object()) throw Error(Errc::data_corruption, "agent message: not a JSON object");
  return message;
}

std::string dump_message(const Json& message, BadUtf8 bad_utf8) {
  try {
    return message.dump(-1, ' ', false,
                        bad_utf8 == BadUtf8::replace ? Json::error_handler_t::replace
                                                     : Json::error_handler_t::strict);
  } catch (const Json::type_error&) {
    throw Error(Errc::invalid_argument, "agent message: expected UTF-8 text, found other bytes");
  }
}

}  // namespace vmkit::agent
