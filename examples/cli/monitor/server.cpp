// SPDX-License-Identifier: Apache-2.0
#include "monitor/server.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "monitor/operations.hpp"
#include "monitor/socket_address.hpp"

namespace cli {
namespace {

using namespace vmkit;

constexpr std::size_t most_clients = 64;
// A client that does not read its messages for so long is dropped.
constexpr timeval send_patience{5, 0};

Descriptor listen(const std::filesystem::path& path) {
  const sockaddr_un address = socket_address(path);
  ::unlink(path.c_str());  // of a monitor that was killed: the container's lock is ours
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (socket.get() < 0 || ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) != 0 ||
      ::bind(socket.get(), generic, sizeof address) != 0 || ::chmod(path.c_str(), 0600) != 0 ||
      ::listen(socket.get(), 16) != 0) {
    throw Error::from_errno(errno, "listen at " + path.string());
  }
  return socket;
}

}  // namespace

Server::Server(Supervisor& supervisor, std::filesystem::path path)
    : supervisor_(supervisor), path_(std::move(path)), listener_(listen(path_)) {
  int ends[2];
  if (::pipe(ends) != 0) throw Error::from_errno(errno, "make a pipe");
  for (int i = 0; i < 2; ++i) {
    ::fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    wake_[i] = Descriptor(ends[i]);
  }
  thread_ = std::thread([this] { accept(); });
}

Server::~Server() {
  stop_accepting();
  for (Client& client : clients_) client.thread.join();
}

void Server::stop_accepting() noexcept {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::unlink(path_.c_str());
  wake_[1] = Descriptor();
  thread_.join();
  const std::lock_guard lock(mutex_);
  for (Client& client : clients_) client.channel.shutdown_receive();
}

void Server::accept() {
  for (;;) {
    pollfd waits[] = {{listener_.get(), POLLIN, 0}, {wake_[0].get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    if (waits[0].revents == 0) continue;
    Descriptor socket(::accept(listener_.get(), nullptr, nullptr));
    if (socket.get() < 0) continue;
    ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &send_patience, sizeof send_patience);
    const std::lock_guard lock(mutex_);
    remove_done();
    if (clients_.size() >= most_clients) continue;  // it finds the connection closed
    Client& client = clients_.emplace_back(Channel(std::move(socket)));
    client.thread = std::thread([this, &client] { serve(client); });
  }
}

void Server::remove_done() {
  for (auto client = clients_.begin(); client != clients_.end();) {
    if (!client->done) {
      ++client;
      continue;
    }
    client->thread.join();
    client = clients_.erase(client);
  }
}

void Server::serve(Client& client) {
  try {
    if (const auto request = client.channel.receive()) {
      try {
        operate(supervisor_, client.channel, *request);
      } catch (const Error& error) {
        client.channel.send(to_json(error));
      } catch (const nlohmann::json::exception& error) {
        client.channel.send(to_json(Error(Errc::invalid_argument, error.what())));
      }
    }
  } catch (const std::exception&) {
    // It is gone, or speaks something else.
  }
  client.channel.close();
  client.done = true;
}

}  // namespace cli
