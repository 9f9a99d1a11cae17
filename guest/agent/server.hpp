// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/preamble.hpp"
#include "client_record.hpp"
#include "ending.hpp"
#include "fd.hpp"
#include "poll_set.hpp"
#include "service.hpp"
#include "session.hpp"

namespace vmkit::guest {

/// What the channel to the host is.
enum class ChannelKind {
  virtio_port,  ///< stays open for ever; clients come and go
  socket,       ///< one client; its end is our end
  listener,     ///< sockets come from it, one after another; the last one is the client
};

/// Serves clients on one channel, and runs the services that they ask. One thread, one poll loop,
/// nothing blocks: a slow client or process only stops its own streams.
class Server final : private Client {
 public:
  /// `files_root` is what requests about files see where there is no container's root.
  Server(Fd channel, ChannelKind kind, const char* files_root = "/");

  /// Returns when the one socket's client has gone, or when the machine is to be switched off.
  void run();

  /// Called once, when the first client's greeting has been answered and before its next request.
  void after_first_greeting(void (*callback)()) { after_first_greeting_ = callback; }

 private:
  struct Arrived {
    std::size_t count = 0;
    std::vector<std::byte> hello = {};  // of another client, which came after that
    bool lost = false;
  };

  // server.cpp: the loop and the channel
  template <class Kind>
  Kind& add_service(std::unique_ptr<Kind> service);
  void watch_all();
  bool channel_connected() const;
  void expect_client(bool expect);
  void read_channel();
  Arrived read_available(std::span<std::byte> into) const;
  bool is_new_client(std::span<const std::byte> read) const;
  void take_payload(std::size_t count);
  void take_input(std::span<const std::byte> input);
  void take_news();
  void take_preamble(std::span<const std::byte>& input);
  void write_channel();
  void flush_channel();
  void lose_channel();
  void accept_channel();
  void end_session(bool for_good);
  void break_session();
  void read_signals();
  void reap();

  // server_requests.cpp: JSON-RPC
  Session* session() override { return session_ ? &*session_ : nullptr; }
  std::uint64_t current() const override { return client_ != nullptr ? client_->serial() : 0; }
  std::optional<Answered> answer(const Deferred& request, agent::Json result) override;
  void answer_error(const Deferred& request, const RpcError& error) override;
  void notify(agent::Json event) override;
  void handle_requests();
  void handle_request(const std::string& text);
  std::optional<agent::Json> run_method(const agent::Json& message, const Deferred& request);

  // server_clients.cpp: who they are, and what they have been told
  bool has(const Answered& answer) const override;
  ClientRecord& serving();
  ClientRecord* find_client(std::uint64_t serial);
  ClientRecord& add_client(std::string name);
  void greet(const agent::Json& message);
  void acknowledge(const agent::Json& count);
  std::optional<Answered> send_to(std::uint64_t client, const agent::Json& message);
  void leave_client(bool for_good);
  void forget_client(std::uint64_t serial);
  void forget_old_clients();

  Fd listener_;
  Fd channel_;
  ChannelKind kind_;
  Fd signals_;
  bool connected_ = false;
  bool finished_ = false;
  void (*after_first_greeting_)() = nullptr;

  agent::PreambleScanner scanner_{agent::Preamble::Kind::hello};
  bool scanning_ = true;  // for the next session's preamble
  bool fresh_ = false;    // the preamble was answered, no frame has come yet
  agent::Preamble::Nonce nonce_{};
  std::optional<Session> session_;
  std::map<std::uint64_t, ClientRecord> clients_;  // by serial
  ClientRecord* client_ = nullptr;  // whose session it is, once it has asked something
  std::uint64_t next_client_ = 1;

  std::vector<std::byte> incoming_;
  agent::yamux::OutputBuffer outgoing_;
  std::size_t outgoing_sent_ = 0;

  PollSet polled_;
  std::vector<std::unique_ptr<Service>> services_;
  Methods methods_;
  const Ending* ending_ = nullptr;  // one of the services
};

}  // namespace vmkit::guest
