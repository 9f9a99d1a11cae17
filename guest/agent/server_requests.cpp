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
    return answer_error({session_->serial(), nullptr}, RpcError(parse_error, error.what()));
  }
  Deferred request{session_->serial(), message.value("id", Json())};
  try {
    const auto method = message.find("method");
    if (message.value("jsonrpc", Json()) != "2.0" || method == message.end() ||
        !method->is_string() || !(request.id.is_string() || request.id.is_number())) {
      request.id = request.id.is_structured() ? Json() : request.id;
      throw RpcError(invalid_request, "expected a JSON-RPC 2.0 request with an id");
    }
    const Json params = message.value("params", Json::object());
    if (!params.is_object()) throw RpcError(invalid_params, "expected params by name");
    const auto found = methods_.find(method->get<std::string>());
    if (found == methods_.end()) {
      throw RpcError(method_not_found, "unknown method \"" + method->get<std::string>() + "\"");
    }
    if (auto result = found->second(params, request)) answer(request, std::move(*result));
  } catch (const RpcError& error) {
    answer_error(request, error);
  } catch (const Json::exception& error) {
    answer_error(request, RpcError(invalid_params, error.what()));
  }
}

void Server::answer(const Deferred& request, Json result) {
  if (!session_ || request.session != session_->serial()) return;
  session_->send(
      agent::dump_message({{"jsonrpc", "2.0"}, {"id", request.id}, {"result", std::move(result)}},
                          agent::BadUtf8::replace));
}

void Server::answer_error(const Deferred& request, const RpcError& error) {
  if (!session_ || request.session != session_->serial()) return;
  Json body{{"code", static_cast<int>(error.code)}, {"message", error.message}};
  if (error.errno_value != 0) body["data"]["errno"] = error.errno_value;
  if (error.errc != 0) body["data"]["errc"] = error.errc;
  session_->send(
      agent::dump_message({{"jsonrpc", "2.0"}, {"id", request.id}, {"error", std::move(body)}},
                          agent::BadUtf8::replace));
}

void Server::notify(Json event) {
  if (!session_) return;
  session_->send(
      agent::dump_message({{"jsonrpc", "2.0"}, {"method", "event"}, {"params", std::move(event)}},
                          agent::BadUtf8::replace));
}

}  // namespace vmkit::guest
