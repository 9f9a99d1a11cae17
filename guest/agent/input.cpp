// SPDX-License-Identifier: Apache-2.0
#include "input.hpp"

#include <cerrno>
#include <termios.h>
#include <unistd.h>
#include <utility>

namespace vmkit::guest {

void Input::open(Fd fd, bool terminal) {
  fd_ = std::move(fd);
  terminal_ = terminal;
}

void Input::attach(StreamTable& streams, agent::yamux::StreamId stream) {
  if (stream_ != 0) streams.release(stream_);
  stream_ = stream;
  streams.mux().finish(stream);  // nothing goes that way
}

bool Input::has_data(StreamTable* streams) const {
  return streams != nullptr && stream_ != 0 && !streams->mux().readable(stream_).empty();
}

void Input::pump(StreamTable& streams) {
  if (stream_ == 0) return;
  auto& mux = streams.mux();
  for (;;) {
    const auto data = mux.readable(stream_);
    if (data.empty()) break;
    const ssize_t count = ::write(fd_.get(), data.data(), data.size());
    if (count > 0) {
      taken_ += static_cast<std::uint64_t>(count);
      mux.consume(stream_, static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      return;
    } else if (count == 0 || errno != EINTR) {
      return close(&streams);
    }
  }
  if (mux.reset_by_peer(stream_)) {
    streams.release(std::exchange(stream_, 0));
  } else if (mux.at_end(stream_)) {
    streams.finish(std::exchange(stream_, 0));
    end();
  }
}

// A terminal cannot be closed halfway; what its reader takes for the end is a character.
void Input::end() {
  termios settings{};
  if (terminal_ && ::tcgetattr(fd_.get(), &settings) == 0 && (settings.c_lflag & ICANON) != 0) {
    const cc_t character = settings.c_cc[VEOF];
    [[maybe_unused]] const ssize_t ignored = ::write(fd_.get(), &character, 1);
  }
  fd_.reset();
}

void Input::close(StreamTable* streams) {
  fd_.reset();
  const auto stream = std::exchange(stream_, 0);
  if (stream != 0 && streams != nullptr) streams->release(stream);
}

}  // namespace vmkit::guest
