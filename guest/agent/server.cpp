// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console.hpp"
#include "disk_care.hpp"
#include "files.hpp"
#include "forwards.hpp"
#include "machine.hpp"
#include "network.hpp"
#include "network_events.hpp"
#include "probe.hpp"
#include "processes.hpp"
#include "statistics.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {

using agent::protocol::hold_time;

namespace {

// What a port gives at a time.
constexpr std::size_t port_portion = 4096;
// Then everybody else has a turn.
constexpr std::size_t channel_read_size = 128 * 1024;
// Only a safety net while no client is there: the kernel tells by a signal when one comes.
constexpr int reconnect_poll_ms = 1000;

Fd make_signal_fd() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGIO);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  Fd fd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) throw std::runtime_error("no signalfd");
  return fd;
}

}  // namespace

Server::Server(Fd channel, ChannelKind kind, const char* files_root)
    : channel_(std::move(channel)),
      kind_(kind),
      signals_(make_signal_fd()),
      incoming_(port_portion) {
  ::fcntl(channel_.get(), F_SETFL, ::fcntl(channel_.get(), F_GETFL) | O_NONBLOCK);
  ::fcntl(channel_.get(), F_SETFD, FD_CLOEXEC);
  if (kind == ChannelKind::listener) listener_ = std::exchange(channel_, Fd());
  Machine& machine =
      add_service(std::make_unique<Machine>(kind == ChannelKind::virtio_port, files_root));
  Client& client = *this;
  Processes& processes = add_service(std::make_unique<Processes>(client, machine));
  add_service(std::make_unique<Files>(client, machine));
  add_service(std::make_unique<Probe>(client));
  add_service(std::make_unique<Forwards>(client, machine));
  add_service(std::make_unique<DiskCare>(client));
  add_service(std::make_unique<Statistics>(client, machine));
  add_service(std::make_unique<Network>(client));
  if (kind == ChannelKind::virtio_port) add_service(std::make_unique<NetworkEvents>(client));
  ending_ = &add_service(std::make_unique<Ending>(processes));
  expect_client(kind != ChannelKind::socket);
}

template <class Kind>
Kind& Server::add_service(std::unique_ptr<Kind> service) {
  Kind& added = *service;
  added.add_methods(methods_);
  services_.push_back(std::move(service));
  return added;
}

void Server::run() {
  while (!finished_) {
    if (!connected_ && channel_connected()) expect_client(false);
    watch_all();
    const bool tells_of_clients = connected_ || kind_ != ChannelKind::virtio_port;
    if (!polled_.wait(tells_of_clients ? -1 : reconnect_poll_ms)) continue;
    try {
      polled_.dispatch(finished_);
    } catch (const Error& error) {
      // An answer that the client does not take, or that is too long: its session's end, not ours.
      log(std::string("session ended: ") + error.what());
      if (session_) break_session();
      reap();  // what it was in the middle of
    }
    if (connected_) write_channel();
    if (after_first_greeting_ != nullptr && client_ != nullptr) {
      std::exchange(after_first_greeting_, nullptr)();
    }
    if (ending_->due()) {
      flush_channel();
      finished_ = true;
    }
  }
}

void Server::watch_all() {
  polled_.clear();
  polled_.add(signals_.get(), POLLIN, [this](short) { read_signals(); });
  if (connected_) {
    const bool unsent = !outgoing_.empty() || (session_ && session_->mux().has_output());
    polled_.add(channel_.get(), static_cast<short>(POLLIN | (unsent ? POLLOUT : 0)),
                [this](short revents) {
                  if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_channel();
                });
  }
  if (listener_) polled_.add(listener_.get(), POLLIN, [this](short) { accept_channel(); });
  for (const auto& service : services_) service->watch(polled_);
  for (const auto& [serial, client] : clients_) {
    if (!client.gone_since) continue;
    polled_.add_timer(*client.gone_since + hold_time, [this](short) { forget_old_clients(); });
  }
}

void Server::accept_channel() {
  Fd accepted(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted) return;
  lose_channel();
  channel_ = std::move(accepted);
  connected_ = true;
}

bool Server::channel_connected() const {
  if (!channel_) return false;
  pollfd state{channel_.get(), POLLIN | POLLOUT, 0};
  return ::poll(&state, 1, 0) >= 0 && (state.revents & POLLHUP) == 0;
}

// The port hangs up for as long as there is no client, so it cannot be polled meanwhile; it sends
// SIGIO when that changes. While there is one, SIGIO would come with all data.
void Server::expect_client(bool expect) {
  connected_ = !expect && channel_;
  if (kind_ != ChannelKind::virtio_port) return;
  const int flags = ::fcntl(channel_.get(), F_GETFL);
  ::fcntl(channel_.get(), F_SETOWN, ::getpid());
  ::fcntl(channel_.get(), F_SETFL, expect ? flags | O_ASYNC : flags & ~O_ASYNC);
  if (expect && channel_connected()) expect_client(false);
}

void Server::read_channel() {
  // A port gives a page at a time, often as fast as we take them: a round of the loop for each
  // would cost more than the page.
  for (std::size_t total = 0; connected_ && total < channel_read_size;) {
    // The rest of a large frame goes to its stream without a copy.
    auto room = session_ && !fresh_ ? session_->mux().room_for_payload() : std::span<std::byte>();
    const bool direct = room.size() >= port_portion;
    if (!direct) room = incoming_;
    const Arrived arrived = read_available(room);
    if (direct) {
      take_payload(arrived.count);
    } else if (arrived.count != 0) {
      take_input(room.first(arrived.count));
    }
    if (!arrived.hello.empty()) {
      end_session(false);
      take_input(arrived.hello);
    }
    if (arrived.lost) return lose_channel();
    if (arrived.count == 0) return;
    total += arrived.count;
  }
}

Server::Arrived Server::read_available(std::span<std::byte> into) const {
  Arrived arrived;
  while (arrived.count + agent::Preamble::size <= into.size()) {
    const auto rest = into.subspan(arrived.count);
    const ssize_t count = ::read(channel_.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    arrived.lost = count == 0 || (count < 0 && errno != EAGAIN);
    if (count <= 0) break;
    const auto read = rest.first(static_cast<std::size_t>(count));
    if (is_new_client(read)) {
      arrived.hello.assign(read.begin(), read.end());
      break;
    }
    arrived.count += read.size();
  }
  return arrived;
}

// A port may not tell that one client left and another came before it gives the other one's bytes,
// and those must not be taken for the rest of a frame that the first one has begun. It gives what a
// client sends before it waits for an answer, which is its hello, by itself.
bool Server::is_new_client(std::span<const std::byte> read) const {
  if (kind_ != ChannelKind::virtio_port || !session_ || read.size() != agent::Preamble::size) {
    return false;
  }
  const auto hello = agent::PreambleScanner(agent::Preamble::Kind::hello).scan(read);
  return hello && hello->nonce != nonce_;
}

void Server::lose_channel() {
  end_session(false);
  outgoing_.clear();
  outgoing_sent_ = 0;
  switch (kind_) {
    case ChannelKind::virtio_port:
      return expect_client(true);
    case ChannelKind::socket:
      finished_ = true;
      return;
    case ChannelKind::listener:
      channel_.reset();
      connected_ = false;
      return;
  }
}

void Server::take_payload(std::size_t count) {
  try {
    session_->received(count);
    take_news();
  } catch (const Error& error) {
    break_session();
    log(std::string("session ended: ") + error.what());
  }
}

void Server::take_input(std::span<const std::byte> input) {
  while (!input.empty()) {
    while ((scanning_ || fresh_) && !input.empty()) take_preamble(input);
    if (input.empty()) return;
    std::string failure;
    try {
      session_->receive(input);
      return take_news();
    } catch (const Error& error) {
      failure = error.what();
    }
    break_session();
    // What is no frame may be a new client's preamble: the old one's leaving can go unnoticed if
    // the new one is quick. So the same bytes are looked at again.
    while (scanning_ && !input.empty()) take_preamble(input);
    if (scanning_) log("session ended: " + failure);
  }
}

void Server::take_news() {
  handle_requests();
  if (session_->ended()) return end_session(session_->for_good());
  for (const auto& service : services_) service->take_input();
}

void Server::take_preamble(std::span<const std::byte>& input) {
  if (fresh_ && !scanner_.partial()) {
    // Padding and repetitions of the same preamble may follow it.
    while (!input.empty() && input[0] == agent::preamble_padding) input = input.subspan(1);
    if (input.empty()) return;
    if (input[0] == std::byte{0}) {
      fresh_ = false;
      return;
    }
  }
  const auto preamble = scanner_.scan(input);
  if (!preamble || (fresh_ && preamble->nonce == nonce_)) return;
  end_session(false);  // of an earlier client, or the same that has lost it
  nonce_ = preamble->nonce;
  const agent::Preamble reply{agent::Preamble::Kind::answer, agent::protocol::version, nonce_};
  const auto bytes = reply.encode();
  outgoing_.clear();
  outgoing_.append(bytes);
  outgoing_sent_ = 0;
  if (preamble->version != agent::protocol::version) return;  // the client sees why
  session_.emplace();
  scanning_ = false;
  fresh_ = true;
}

void Server::write_channel() {
  for (;;) {
    if (session_) {
      session_->pump_answers();
      for (const auto& service : services_) service->give_output();
    }
    if (outgoing_sent_ == outgoing_.size()) {
      outgoing_.clear();
      outgoing_sent_ = 0;
      if (session_) session_->mux().take_output(outgoing_);
      if (outgoing_.empty()) return;
    }
    const ssize_t count = ::write(channel_.get(), outgoing_.data() + outgoing_sent_,
                                  outgoing_.size() - outgoing_sent_);
    if (count > 0) {
      outgoing_sent_ += static_cast<std::size_t>(count);
    } else if (count < 0 && errno != EINTR) {
      return;  // full, or gone: poll tells
    }
  }
}

void Server::flush_channel() {
  constexpr int patience_ms = 1000;
  while (connected_ && (!outgoing_.empty() || (session_ && session_->mux().has_output()))) {
    pollfd state{channel_.get(), POLLOUT, 0};
    if (::poll(&state, 1, patience_ms) <= 0 || (state.revents & POLLOUT) == 0) return;
    write_channel();
  }
}

void Server::end_session(bool for_good) {
  scanner_ = agent::PreambleScanner(agent::Preamble::Kind::hello);
  scanning_ = true;
  fresh_ = false;
  if (!session_) return;
  for (const auto& service : services_) service->end_session();
  session_.reset();
  leave_client(for_good);
}

// The client has broken the protocol and is told so: the go-away is the last of the output.
void Server::break_session() {
  agent::yamux::OutputBuffer unsent;
  session_->mux().take_output(unsent);
  outgoing_.append(unsent);
  end_session(false);  // it may be a new one of the same client that we see
}

void Server::read_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
  }
  reap();
}

void Server::reap() {
  int status = 0;
  for (;;) {
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return;
    for (const auto& service : services_) {  // an orphan that we inherited is nobody's
      if (service->take_child(pid, status)) break;
    }
  }
}

}  // namespace vmkit::guest
