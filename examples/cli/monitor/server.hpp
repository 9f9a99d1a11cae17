// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <list>
#include <mutex>
#include <thread>

#include "monitor/channel.hpp"
#include "monitor/descriptor.hpp"

namespace cli {

class Supervisor;

/// Serves a container's clients on a unix socket of this user's, each in a thread of its own:
/// docs/formats/monitor.md tells the protocol.
class Server {
 public:
  Server(Supervisor& supervisor, std::filesystem::path path);
  /// Ends all clients that do not wait for the end; those that do have been told by then.
  ~Server();

  /// The socket is gone then, and clients hear no more from whoever waits for their messages.
  void stop_accepting() noexcept;

 private:
  struct Client {
    explicit Client(Channel given) : channel(std::move(given)) {}
    Channel channel;
    std::atomic<bool> done{false};
    std::thread thread;
  };

  void accept();
  void serve(Client& client);
  void remove_done();

  Supervisor& supervisor_;
  const std::filesystem::path path_;
  Descriptor listener_;
  Descriptor wake_[2];
  std::mutex mutex_;  // guards `clients_` and `stopping_`
  std::list<Client> clients_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cli
