// SPDX-License-Identifier: Apache-2.0
// JSON-RPC: requests to methods, and their answers; see docs/formats/agent-protocol.md.
#include "server.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {

using namespace agent::protocol;
using agent::Json;

void Server::handle_requests() {
  while (session_) {
    const auto request = session_->next_request();
    if (!request) return;
    handle_request(*request);
  }
}

void Server::handle_request(const std::string& text) {
  Json message;
  try {
    message = agent::parse_message(text);
  } catch (const Error& error) {
    return answer_error({serving().serial(), nullptr}, RpcError(parse_error, error.what()));
  }
  const auto method = message.find("method");
  if (method != message.end() && *method == "hello") return greet(message);
  Deferred request{serving().serial(), message.value("id", Json())};
  try {
    if (message.value("jsonrpc", Json()) != "2.0" || method == message.end() ||
        !method->is_string()) {
      request.id = request.id.is_structured() ? Json() : request.id;
      throw RpcError(invalid_request, "expected a JSON-RPC 2.0 request with an id");
    }
    if (const auto count = message.find("ack"); count != message.end()) acknowledge(*count);
    if (!message.contains("id") && *method == "ack") return;  // that was all
    if (client_->can_resume()) {
      // Of a client that has come back, and repeats what it does not know to have arrived.
      if (!request.id.is_number_unsigned()) {
        throw RpcError(invalid_request, "expected a number as id");
      }
      if (!client_->take_request(request.id.get<std::uint64_t>())) return;
    } else if (!request.id.is_string() && !request.id.is_number()) {
      request.id = Json();
      throw RpcError(invalid_request, "expected a JSON-RPC 2.0 request with an id");
    }
    if (auto result = run_method(message, request)) answer(request, std::move(*result));
  } catch (const RpcError& error) {
    answer_error(request, error);
  } catch (const Json::exception& error) {
    answer_error(request, RpcError(invalid_params, error.what()));
  }
}

std::optional<Json> Server::run_method(const Json& message, const Deferred& request) {
  const Json params = message.value("params", Json::object());
  if (!params.is_object()) throw RpcError(invalid_params, "expected params by name");
  const auto name = message.at("method").get<std::string>();
  const auto found = methods_.find(name);
  if (found == methods_.end()) {
    throw RpcError(method_not_found, "unknown method \"" + name + "\"");
  }
  return found->second(params, request);
}

std::optional<Answered> Server::answer(const Deferred& request, Json result) {
  return send_to(request.client,
                 {{"jsonrpc", "2.0"}, {"id", request.id}, {"result", std::move(result)}});
}

void Server::answer_error(const Deferred& request, const RpcError& error) {
  Json body{{"code", static_cast<int>(error.code)}, {"message", error.message}};
  if (error.errno_value != 0) body["data"]["errno"] = error.errno_value;
  if (error.errc != 0) body["data"]["errc"] = error.errc;
  send_to(request.client, {{"jsonrpc", "2.0"}, {"id", request.id}, {"error", std::move(body)}});
}

}  // namespace vmkit::guest
