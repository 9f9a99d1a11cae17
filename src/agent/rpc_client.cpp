// SPDX-License-Identifier: Apache-2.0
#include "agent/rpc_client.hpp"

#include <utility>
#include <vector>

#include "agent/protocol.hpp"
#include "agent/stoppable_wait.hpp"

namespace vmkit::agent {
namespace {

constexpr std::uint64_t greeting_number = 0;
// The agent keeps what it has sent until then; most requests tell it along the way.
constexpr std::uint64_t acknowledge_every = 64;
constexpr std::size_t max_given_up = 4096;

/// The rest of a request after its number.
std::string dump_params(const std::string& method, const Json& params) {
  return ",\"method\":\"" + method + "\",\"params\":" + dump_message(params, BadUtf8::refuse) + "}";
}

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

std::shared_ptr<RpcClient> RpcClient::create(std::function<void(const Json&)> on_event) {
  return std::shared_ptr<RpcClient>(new RpcClient(std::move(on_event)));
}

Json RpcClient::connect(const std::shared_ptr<Mux>& mux, const std::string& client,
                        const CallOptions& options) {
  auto greeting = std::make_shared<Call>();
  greeting->method = "hello";
  std::unique_ptr<MuxStream> stream = mux->open();
  std::uint64_t session = 0;
  {
    const std::lock_guard lock(mutex_);
    decoder_ = {};
    greeting_ = greeting;
    acknowledged_ = received_;
    session = ++session_;
    mux->set_handler(*stream, [weak = weak_from_this(), session](auto data) {
      if (const auto self = weak.lock()) self->take_input(session, data);
    });
    const Json hello{{"jsonrpc", "2.0"},
                     {"id", greeting_number},
                     {"method", "hello"},
                     {"params", {{"client", client}, {"received", received_}}}};
    std::string framed;
    append_message(dump_message(hello, BadUtf8::refuse), framed);
    stream_.swap(stream);
    stream_->post(framed);
  }
  Json answer = wait(*greeting, options);
  {
    const std::lock_guard lock(mutex_);
    if (session != session_) {
      throw Error(Errc::unavailable, "the session was lost after the greeting");
    }
    const auto known = answer.find("resumed");
    if (std::exchange(greeted_, true) && (known == answer.end() || *known != true)) {
      throw Error(Errc::failed_precondition, "the guest agent does not know this client any more");
    }
    mux_ = mux;
    resume(answer);
  }
  return answer;
}

/// The agent has all requests up to a number: what comes after it is sent again.
void RpcClient::resume(const Json& greeting) {
  const auto received = greeting.find("received");
  const Number last =
      received != greeting.end() && received->is_number_unsigned() ? received->get<Number>() : 0;
  given_up_.erase(given_up_.upper_bound(last), given_up_.end());
  for (const auto& [number, call] : pending_) {
    if (number > last) post(number, *call);
  }
}

void RpcClient::disconnect(const Error& error) {
  std::vector<CallPtr> ended;
  {
    const std::lock_guard lock(mutex_);
    mux_.reset();
    ++session_;
    if (greeting_) ended.push_back(std::exchange(greeting_, nullptr));
    for (auto entry = pending_.begin(); entry != pending_.end();) {
      if (!entry->second->sending.this_session_only) {
        ++entry;
        continue;
      }
      given_up_.insert(entry->first);
      ended.push_back(entry->second);
      entry = pending_.erase(entry);
    }
    while (given_up_.size() > max_given_up) given_up_.erase(given_up_.begin());
  }
  for (const CallPtr& call : ended) finish(call, error);
}

void RpcClient::lose(const Error& error) {
  std::vector<CallPtr> ended;
  {
    const std::lock_guard lock(mutex_);
    if (lost_) return;
    lost_ = error;
    mux_.reset();
    ++session_;
    if (greeting_) ended.push_back(std::exchange(greeting_, nullptr));
    for (auto& [number, call] : pending_) ended.push_back(call);
    pending_.clear();
  }
  for (const CallPtr& call : ended) finish(call, error);
}

RpcClient::CallPtr RpcClient::send(const std::string& method, Json params, Sending sending) {
  auto call = std::make_shared<Call>();
  call->method = method;
  call->sending = std::move(sending);
  if (call->sending.bind) {
    call->params = std::move(params);
  } else {
    call->text = dump_params(method, params);
  }
  const std::lock_guard lock(mutex_);
  if (lost_) throw *lost_;
  const MuxStream* const named = std::exchange(call->sending.stream, nullptr);
  if (mux_ ? named != nullptr && !mux_->has(*named) : call->sending.this_session_only) {
    throw Error(Errc::unavailable, "guest agent, " + method + ": there is no session now");
  }
  // In the order of their numbers, or the agent takes one for a repetition.
  const Number number = next_number_++;
  if (mux_) post(number, *call);
  pending_.emplace(number, call);
  return call;
}

/// A request that cannot be sent because of what it is throws; one that finds the session lost
/// waits for the next.
void RpcClient::post(Number number, Call& call) {
  if (call.sending.bind) {
    try {
      call.sending.bind(call.params, *mux_);
    } catch (const Error& error) {
      if (error.code() != Errc::unavailable || !mux_->failure()) throw;
      return;
    }
    call.text = dump_params(call.method, call.params);
  }
  std::string text = "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(number);
  if (received_ != acknowledged_) text += ",\"ack\":" + std::to_string(received_);
  text += call.text;
  std::string framed;
  framed.reserve(text.size() + sizeof(std::uint32_t));
  append_message(text, framed);
  try {
    stream_->post(framed);
    acknowledged_ = received_;
  } catch (const Error& error) {
    if (error.code() != Errc::unavailable) throw error.with_context("guest agent, " + call.method);
  }
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

Json RpcClient::call_bound(const std::string& method, Json params, Sending sending,
                           const CallOptions& options) {
  options.check("guest agent, " + method);
  const CallPtr sent = send(method, std::move(params), std::move(sending));
  try {
    return wait(*sent, options);
  } catch (const Error&) {
    const std::lock_guard lock(mutex_);
    sent->sending.bind = nullptr;
    sent->sending.done = nullptr;
    throw;
  }
}

void RpcClient::abandon(const CallPtr& call, std::function<void(const Json&)> late) {
  std::unique_lock lock(mutex_);
  if (!call->result) {
    call->sending.done = [late = std::move(late)](const Result<Json>& result) {
      if (result) late(result.value());
    };
    return;
  }
  const Result<Json> result = *call->result;
  lock.unlock();
  if (result) late(result.value());
}

void RpcClient::take_input(std::uint64_t session, std::span<const std::byte> data) {
  if (data.empty()) throw Error(Errc::unavailable, "the guest agent closed its control stream");
  while (const auto text = decoder_.next(data)) {
    try {
      take_message(session, parse_message(*text));
    } catch (const Json::exception&) {
      throw Error(Errc::data_corruption, "the guest agent sent a malformed answer");
    }
  }
}

void RpcClient::take_message(std::uint64_t session, const Json& message) {
  {
    const std::lock_guard lock(mutex_);
    if (session != session_) return;  // what was lost is sent again
  }
  const auto method = message.find("method");
  if (method == message.end()) return take_answer(message);
  if (*method != "event" || message.contains("id")) {
    throw Error(Errc::data_corruption, "the guest agent sent a request");
  }
  on_event_(message.at("params"));
  const std::lock_guard lock(mutex_);
  count_message();
}

void RpcClient::count_message() {
  ++received_;
  if (received_ - acknowledged_ < acknowledge_every || !mux_) return;
  acknowledged_ = received_;
  std::string framed;
  append_message(
      "{\"jsonrpc\":\"2.0\",\"method\":\"ack\",\"ack\":" + std::to_string(received_) + "}", framed);
  stream_->post(framed);
}

void RpcClient::take_answer(const Json& message) {
  const auto& id = message.at("id");
  const auto number = id.is_number_unsigned() ? std::optional(id.get<Number>()) : std::nullopt;
  CallPtr call;
  bool given_up = false;
  if (number) {
    const std::lock_guard lock(mutex_);
    if (greeting_ && number == greeting_number) {
      call = greeting_;
    } else if (const auto found = pending_.find(*number); found != pending_.end()) {
      call = found->second;
    } else {
      given_up = given_up_.erase(*number) != 0;
    }
  }
  if (!call && !given_up) {
    throw Error(Errc::data_corruption, "the guest agent answered a request that was never made");
  }
  std::optional<Result<Json>> result;
  if (call) {
    if (const auto error = message.find("error"); error != message.end()) {
      result = error_of(call->method, *error);
    } else {
      result = message.at("result");
    }
  }
  {
    const std::lock_guard lock(mutex_);
    // Before the call ends: who it wakes may ask again, and tells then that this one is here. And
    // it ends once: it may have been ended with its session since we looked.
    if (number == greeting_number) {
      if (greeting_ != call) call = nullptr;
      if (call) greeting_.reset();
    } else {
      count_message();
      given_up_.erase(*number);
      if (pending_.erase(*number) == 0) call = nullptr;
    }
  }
  if (call) finish(call, std::move(*result));
}

void RpcClient::finish(const CallPtr& call, Result<Json> result) {
  Done done;
  {
    const std::lock_guard lock(mutex_);
    call->result = std::move(result);
    done = std::exchange(call->sending.done, nullptr);
    call->sending.bind = nullptr;
    call->params = nullptr;
    call->text.clear();
    call->changed.notify_all();
  }
  if (done) done(*call->result);
}

}  // namespace vmkit::agent
