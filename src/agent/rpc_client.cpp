// SPDX-License-Identifier: Apache-2.0
#include "agent/rpc_client.hpp"

#include <utility>

#include "agent/protocol.hpp"
#include "agent/stoppable_wait.hpp"

namespace vmkit::agent {
namespace {

Errc errc_of(std::int64_t code) {
  switch (code) {
    case protocol::invalid_params:
    case protocol::bad_user:
      return Errc::invalid_argument;
    case protocol::program_not_found:
    case protocol::no_such_device:
      return Errc::not_found;
    case protocol::program_not_executable:
      return Errc::permission_denied;
    case protocol::bad_working_directory:
    case protocol::no_such_process:
    case protocol::wrong_state:
    case protocol::bad_mount:
      return Errc::failed_precondition;
    case protocol::method_not_found:
    case protocol::not_supported:
      return Errc::unsupported;
    case protocol::limit_reached:
      return Errc::resource_exhausted;
    case protocol::parse_error:
    case protocol::invalid_request:
      return Errc::internal;
    default:
      return Errc::io;
  }
}

/// The guest's words, as they can be shown to people: no control characters, which a terminal would
/// obey, and not without end.
std::string readable(std::string text) {
  constexpr std::size_t most = 4096;
  if (text.size() > most) text.resize(most);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return text;
}

Error error_of(const std::string& method, const Json& error) {
  std::optional<NativeError> native;
  const auto number = error.at("code").get<std::int64_t>();
  Errc code = errc_of(number);
  if (const auto data = error.find("data"); data != error.end()) {
    if (data->contains("errno")) {
      native = NativeError{ErrorDomain::posix, data->at("errno").get<std::int64_t>()};
    }
    // Numbers of errno are Linux's, whatever this system is; so the guest tells what they mean.
    if (data->contains("errc")) {
      const auto told = data->at("errc").get<std::int64_t>();
      if (told >= static_cast<int>(Errc::invalid_argument) &&
          told <= static_cast<int>(Errc::internal)) {
        code = static_cast<Errc>(told);
      }
    }
  }
  return Error(code,
               "guest agent, " + method + ": " + readable(error.at("message").get<std::string>()),
               native);
}

}  // namespace

std::shared_ptr<RpcClient> RpcClient::start(Mux& mux, std::function<void(const Json&)> on_event) {
  std::shared_ptr<RpcClient> client(new RpcClient());
  client->on_event_ = std::move(on_event);
  client->stream_ = mux.open();
  const std::weak_ptr<RpcClient> weak = client;
  mux.set_handler(*client->stream_, [weak](std::span<const std::byte> data) {
    if (const auto self = weak.lock()) self->take_input(data);
  });
  mux.on_failure([weak](const Error& error) {
    if (const auto self = weak.lock()) self->lose(error);
  });
  return client;
}

RpcClient::CallPtr RpcClient::send(const std::string& method, Json params) {
  auto call = std::make_shared<Call>();
  call->method = method;
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (lost_) throw *lost_;
    id = next_id_++;
    pending_.emplace(id, call);
  }
  try {
    std::string framed;
    append_message(
        dump_message(
            {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}},
            BadUtf8::refuse),
        framed);
    stream_->post(framed);
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    pending_.erase(id);
    throw error.with_context("guest agent, " + method);
  }
  return call;
}

Json RpcClient::wait(Call& call, const CallOptions& options) {
  const std::string what = "guest agent, " + call.method;
  StoppableWait waiting(mutex_, call.changed, options, what);
  std::unique_lock lock(mutex_);
  while (!call.result) waiting.wait(lock);
  return call.result->value();
}

Json RpcClient::call(const std::string& method, Json params, const CallOptions& options) {
  options.check("guest agent, " + method);
  return wait(*send(method, std::move(params)), options);
}

void RpcClient::abandon(const CallPtr& call, std::function<void(const Json&)> late) {
  std::unique_lock lock(mutex_);
  if (!call->result) {
    call->late = std::move(late);
    return;
  }
  const Result<Json> result = *call->result;
  lock.unlock();
  if (result) late(Result<Json>(result).value());
}

void RpcClient::take_input(std::span<const std::byte> data) {
  if (data.empty()) throw Error(Errc::unavailable, "the guest agent closed its control stream");
  while (const auto text = decoder_.next(data)) {
    try {
      take_message(parse_message(*text));
    } catch (const Json::exception&) {
      throw Error(Errc::data_corruption, "the guest agent sent a malformed answer");
    }
  }
}

void RpcClient::take_message(const Json& message) {
  const auto method = message.find("method");
  if (method == message.end()) return take_answer(message);
  if (*method != "event" || message.contains("id")) {
    throw Error(Errc::data_corruption, "the guest agent sent a request");
  }
  on_event_(message.at("params"));
}

void RpcClient::take_answer(const Json& message) {
  const auto& id = message.at("id");
  std::unique_lock lock(mutex_);
  const auto found =
      id.is_number_unsigned() ? pending_.find(id.get<std::uint64_t>()) : pending_.end();
  if (found == pending_.end()) {
    throw Error(Errc::data_corruption, "the guest agent answered a request that was never made");
  }
  const CallPtr call = found->second;
  if (const auto error = message.find("error"); error != message.end()) {
    call->result = error_of(call->method, *error);
  } else {
    call->result = message.at("result");
  }
  pending_.erase(found);
  call->changed.notify_all();
  const auto late = std::exchange(call->late, nullptr);
  lock.unlock();
  if (late && call->result->has_value()) late(call->result->value());
}

void RpcClient::lose(const Error& error) {
  const std::lock_guard lock(mutex_);
  lost_ = error;
  for (auto& [id, call] : pending_) {
    call->result = error;
    call->changed.notify_all();
  }
  pending_.clear();
}

}  // namespace vmkit::agent
