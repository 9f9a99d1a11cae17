// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>
#include <sys/signalfd.h>
#include <unistd.h>

#include "console.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

constexpr std::size_t read_size = 64 * 1024;
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

Server::Server(Fd channel, ChannelKind kind)
    : channel_(std::move(channel)), kind_(kind), signals_(make_signal_fd()), incoming_(read_size) {
  ::fcntl(channel_.get(), F_SETFL, ::fcntl(channel_.get(), F_GETFL) | O_NONBLOCK);
  ::fcntl(channel_.get(), F_SETFD, FD_CLOEXEC);
  expect_client(true);
}

void Server::run() {
  while (!finished_) {
    if (!connected_ && channel_connected()) expect_client(false);
    watch_all();
    if (::poll(polled_.data(), polled_.size(), connected_ ? -1 : reconnect_poll_ms) < 0) {
      if (errno == EINTR) continue;
      throw std::runtime_error("poll failed");
    }
    try {
      for (std::size_t i = 0; i < polled_.size() && !finished_; ++i) {
        if (polled_[i].revents != 0) handle(watches_[i], polled_[i].revents);
      }
    } catch (const Error& error) {
      // An answer that the client does not take, or that is too long: its session's end, not ours.
      log(std::string("session ended: ") + error.what());
      if (session_) break_session();
      reap();  // what it was in the middle of
    }
    if (connected_) write_channel();
    if (power_off_) {
      flush_channel();
      finished_ = true;
    }
  }
}

void Server::watch(int fd, short events, Part part, std::uint64_t process) {
  polled_.push_back({fd, events, 0});
  watches_.push_back({part, process});
}

void Server::watch_all() {
  polled_.clear();
  watches_.clear();
  watch(signals_.get(), POLLIN, Part::signals);
  if (connected_) {
    const bool unsent = !outgoing_.empty() || (session_ && session_->mux().has_output());
    watch(channel_.get(), static_cast<short>(POLLIN | (unsent ? POLLOUT : 0)), Part::channel);
  }
  for (auto& [handle, process] : processes_) {
    if (process.start_result) {
      watch(process.start_result.get(), POLLIN, Part::start_result, handle);
    }
    if (process.input.fd) {
      // Without anything to write, only the end of the reader is of interest.
      const bool data = session_ && !session_->mux().readable(process.input.stream).empty();
      watch(process.input.fd.get(), data ? POLLOUT : 0, Part::input, handle);
    }
    // A pipe that nobody may read now is left out: its hang-up would wake us again and again.
    if (process.output.fd && room_for_output(process.output)) {
      watch(process.output.fd.get(), POLLIN, Part::output, handle);
    }
    if (process.error.fd && room_for_output(process.error)) {
      watch(process.error.fd.get(), POLLIN, Part::error, handle);
    }
  }
}

void Server::handle(const Watch& watch, short events) {
  if (watch.part == Part::signals) return read_signals();
  if (watch.part == Part::channel) {
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) read_channel();
    return;
  }
  const auto found = processes_.find(watch.process);
  if (found == processes_.end()) return;
  Process& process = found->second;
  // What came before in the same round may have closed the pipe.
  if (watch.part == Part::start_result && process.start_result) read_start_result(watch.process);
  if (watch.part == Part::output && process.output.fd) pump_output(process.output);
  if (watch.part == Part::error && process.error.fd) pump_output(process.error);
  if (watch.part == Part::input && process.input.fd) {
    if ((events & POLLERR) != 0) {
      break_input(process.input);
    } else {
      pump_input(process);
    }
  }
}

bool Server::channel_connected() const {
  pollfd state{channel_.get(), POLLIN | POLLOUT, 0};
  return ::poll(&state, 1, 0) >= 0 && (state.revents & POLLHUP) == 0;
}

// The port hangs up for as long as there is no client, so it cannot be polled meanwhile; it sends
// SIGIO when that changes. While there is one, SIGIO would come with all data.
void Server::expect_client(bool expect) {
  connected_ = !expect;
  if (kind_ != ChannelKind::virtio_port) {
    connected_ = true;
    return;
  }
  const int flags = ::fcntl(channel_.get(), F_GETFL);
  ::fcntl(channel_.get(), F_SETOWN, ::getpid());
  ::fcntl(channel_.get(), F_SETFL, expect ? flags | O_ASYNC : flags & ~O_ASYNC);
  if (expect && channel_connected()) expect_client(false);
}

void Server::read_channel() {
  // A port gives a page at a time; everything else costs less for many at once.
  std::size_t filled = 0;
  ssize_t count = 0;
  while (filled < incoming_.size()) {
    count = ::read(channel_.get(), &incoming_[filled], incoming_.size() - filled);
    if (count <= 0) break;
    filled += static_cast<std::size_t>(count);
  }
  const int failure = errno;
  if (filled != 0) take_input(std::span(incoming_).first(filled));
  if (count > 0 || (count < 0 && (failure == EAGAIN || failure == EINTR))) return;
  end_session();
  outgoing_.clear();
  outgoing_sent_ = 0;
  if (kind_ == ChannelKind::virtio_port) {
    expect_client(true);
  } else {
    finished_ = true;
  }
}

void Server::take_input(std::span<const std::byte> input) {
  while (!input.empty()) {
    while ((scanning_ || fresh_) && !input.empty()) take_preamble(input);
    if (input.empty()) return;
    std::string failure;
    try {
      session_->receive(input);
      handle_requests();
      if (session_->ended()) return end_session();
      pump_processes();
      return;
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
  end_session();  // of an earlier client
  nonce_ = preamble->nonce;
  const agent::Preamble reply{agent::Preamble::Kind::answer, agent::protocol::version, nonce_};
  const auto bytes = reply.encode();
  outgoing_.assign(bytes.begin(), bytes.end());
  outgoing_sent_ = 0;
  if (preamble->version != agent::protocol::version) return;  // the client sees why
  session_.emplace(next_session_++);
  scanning_ = false;
  fresh_ = true;
  if (first_session_ != nullptr) std::exchange(first_session_, nullptr)();
}

void Server::write_channel() {
  for (;;) {
    if (session_) {
      session_->pump_answers();
      for (auto& [handle, process] : processes_) {
        if (process.output.fd && process.output.stream != 0) pump_output(process.output);
        if (process.error.fd && process.error.stream != 0) pump_output(process.error);
      }
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

void Server::end_session() {
  scanner_ = agent::PreambleScanner(agent::Preamble::Kind::hello);
  scanning_ = true;
  fresh_ = false;
  if (!session_) return;
  detach_processes();
  session_.reset();
}

// The client has broken the protocol and is told so: the go-away is the last of the output.
void Server::break_session() {
  agent::yamux::OutputBuffer unsent;
  session_->mux().take_output(unsent);
  outgoing_.insert(outgoing_.end(), unsent.begin(), unsent.end());
  end_session();
}

void Server::read_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
  }
  reap();
}

}  // namespace vmkit::guest
