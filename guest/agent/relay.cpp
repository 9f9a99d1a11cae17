// SPDX-License-Identifier: Apache-2.0
#include "relay.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace vmkit::guest {
namespace {

constexpr std::size_t read_size = 64 * 1024;

/// The other end of the connection is told that it did not end in peace.
void reset_connection(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

Relay::Relay(Session& session, agent::yamux::StreamId stream, Fd fd, Kind kind)
    : stream_(stream),
      fd_(std::move(fd)),
      kind_(kind),
      reading_(kind != Kind::pipe_from_client),
      writing_(kind != Kind::pipe_to_client) {
  ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
  if (!reading_) session.mux().finish(stream_);
}

void Relay::watch(PollSet& set, Session& session, PollSet::Handler when) {
  if (!fd_) return;
  short events = 0;
  if (reading_ && !readable_ && session.mux().writable(stream_) != 0) events |= POLLIN;
  if (writing_ && !session.mux().readable(stream_).empty()) events |= POLLOUT;
  // Without anything to wait for, its hang-up would wake us again and again; but a pipe's reader
  // that has gone must be noticed.
  if (events == 0 && kind_ != Kind::pipe_from_client) return;
  set.add(fd_.get(), events, std::move(when));
}

void Relay::ready(Session& session, short revents) {
  if (!fd_) return;
  if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0) readable_ = true;
  if (kind_ == Kind::pipe_from_client && (revents & POLLERR) != 0) return abort(&session);
  take_input(session);
  give_output(session);
}

void Relay::take_input(Session& session) {
  if (!fd_) return;
  if (session.mux().reset_by_peer(stream_)) return abort(&session);
  if (writing_) return from_client(session);
  auto& mux = session.mux();  // what nobody wants
  while (!mux.readable(stream_).empty()) mux.consume(stream_, mux.readable(stream_).size());
}

bool Relay::give_output(Session& session) {
  if (!fd_ || !reading_ || !readable_ || session.mux().writable(stream_) == 0) return false;
  to_client(session);
  return true;
}

void Relay::to_client(Session& session) {
  auto& mux = session.mux();
  const std::size_t wanted = std::min(mux.writable(stream_), read_size);
  const ssize_t count = ::read(fd_.get(), mux.prepare(stream_, wanted).data(), wanted);
  const int failure = errno;
  mux.commit(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (count == 0) return close_reading(session);
  if (count > 0) {
    // A short read may well be all there is; poll tells for less than another read.
    if (static_cast<std::size_t>(count) < wanted) readable_ = false;
    return;
  }
  readable_ = false;
  if (failure != EAGAIN && failure != EINTR) abort(&session);
}

void Relay::from_client(Session& session) {
  auto& mux = session.mux();
  for (;;) {
    const auto data = mux.readable(stream_);
    if (data.empty()) break;
    const ssize_t count = kind_ == Kind::socket
                              ? ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL)
                              : ::write(fd_.get(), data.data(), data.size());
    if (count > 0) {
      mux.consume(stream_, static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else if (count < 0 && errno == EAGAIN) {
      return;
    } else {
      return abort(&session);
    }
  }
  if (mux.at_end(stream_)) close_writing(session);
}

void Relay::close_reading(Session& session) {
  reading_ = false;
  session.mux().finish(stream_);
  close_if_over(session);
}

void Relay::close_writing(Session& session) {
  writing_ = false;
  if (kind_ == Kind::socket) ::shutdown(fd_.get(), SHUT_WR);
  close_if_over(session);
}

void Relay::close_if_over(Session& session) {
  if (reading_ || writing_) return;
  fd_.reset();
  session.finish(std::exchange(stream_, 0));
}

void Relay::abort(Session* session) {
  if (!fd_) return;
  if (kind_ == Kind::socket) reset_connection(fd_.get());
  fd_.reset();
  if (session != nullptr) session->release(std::exchange(stream_, 0));
}

}  // namespace vmkit::guest
