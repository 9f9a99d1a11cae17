// SPDX-License-Identifier: Apache-2.0
// Clients lose the channel and come back: what they asked is done once, what they are told arrives
// once.
#include "server.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {

using namespace agent::protocol;
using agent::Json;

namespace {

constexpr std::size_t max_clients = 8;
constexpr std::size_t max_name = 64;

}  // namespace

/// Whose session it is; without a greeting a client that cannot come back.
ClientRecord& Server::serving() {
  if (client_ == nullptr) client_ = &add_client({});
  return *client_;
}

ClientRecord* Server::find_client(std::uint64_t serial) {
  const auto found = clients_.find(serial);
  return found == clients_.end() ? nullptr : &found->second;
}

ClientRecord& Server::add_client(std::string name) {
  if (clients_.size() >= max_clients) {
    // Serials rise: the first one has been gone for the longest time.
    for (const auto& [serial, client] : clients_) {
      if (&client == client_) continue;
      forget_client(serial);
      break;
    }
  }
  const std::uint64_t serial = next_client_++;
  return clients_.try_emplace(serial, serial, std::move(name)).first->second;
}

// Outside of what is counted and kept: it is asked anew in each session.
void Server::greet(const Json& message) {
  const Json id = message.value("id", Json());
  Json answer{{"jsonrpc", "2.0"}, {"id", id}};
  try {
    Json result = *run_method(message, {0, id});
    const Json params = message.value("params", Json::object());
    const auto name = get_or<std::string>(params, "client", {});
    if (name.size() > max_name) throw RpcError(invalid_params, "client: expected a short name");
    if (!name.empty()) {
      if (client_ != nullptr) throw RpcError(wrong_state, "hello comes first");
      const auto known = std::find_if(clients_.begin(), clients_.end(), [&](const auto& entry) {
        return entry.second.name() == name;
      });
      const bool resumed = known != clients_.end();
      client_ = resumed ? &known->second : &add_client(name);
      client_->gone_since.reset();
      if (resumed) client_->acknowledge(get_or<std::uint64_t>(params, "received", 0));
      result["resumed"] = resumed;
      result["received"] = client_->last_request();
    }
    answer["result"] = std::move(result);
  } catch (const RpcError& error) {
    answer["error"] = {{"code", static_cast<int>(error.code)}, {"message", error.message}};
  } catch (const Json::exception& error) {
    answer["error"] = {{"code", static_cast<int>(invalid_params)}, {"message", error.what()}};
  }
  session_->send(agent::dump_message(answer, agent::BadUtf8::replace));
  if (client_ == nullptr) return;
  for (const std::string& unread : client_->messages()) session_->send(unread);
}

void Server::acknowledge(const Json& count) {
  if (!count.is_number_unsigned()) throw RpcError(invalid_request, "ack: expected a number");
  client_->acknowledge(count.get<std::uint64_t>());
}

bool Server::has(const Answered& answer) const {
  const auto found = clients_.find(answer.client);
  return found != clients_.end() && found->second.acknowledged() >= answer.number;
}

std::optional<Answered> Server::send_to(std::uint64_t serial, const Json& message) {
  ClientRecord* const client = find_client(serial);
  if (client == nullptr) return std::nullopt;
  std::string text = agent::dump_message(message, agent::BadUtf8::replace);
  if (client == client_) session_->send(text);
  // Who does not acknowledge has it when it is sent.
  if (!client->can_resume()) return Answered{serial, 0};
  return Answered{serial, client->add_message(std::move(text))};
}

void Server::notify(Json event) {
  for (auto& [serial, client] : clients_) {
    const bool connected = &client == client_;
    if (!client.can_resume() && !connected) continue;
    const std::size_t before = client.messages().size();
    client.add_event(event, connected);
    if (!connected) continue;
    for (std::size_t i = before; i < client.messages().size(); ++i) {
      session_->send(client.messages()[i]);
    }
    if (!client.can_resume()) client.acknowledge(client.acknowledged() + client.messages().size());
  }
}

void Server::leave_client(bool for_good) {
  ClientRecord* const left = std::exchange(client_, nullptr);
  if (left == nullptr) return;
  if (for_good || !left->can_resume()) return forget_client(left->serial());
  left->gone_since = ClientRecord::Clock::now();
}

void Server::forget_client(std::uint64_t serial) {
  clients_.erase(serial);
  for (const auto& service : services_) service->forget_client(serial);
}

void Server::forget_old_clients() {
  const auto now = ClientRecord::Clock::now();
  std::vector<std::uint64_t> old;
  for (const auto& [serial, client] : clients_) {
    if (client.gone_since && *client.gone_since + hold_time <= now) old.push_back(serial);
  }
  for (const std::uint64_t serial : old) forget_client(serial);
}

}  // namespace vmkit::guest
