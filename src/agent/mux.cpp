// SPDX-License-Identifier: Apache-2.0
#include "agent/mux.hpp"

#include <utility>
#include <vector>

#include "agent/mux_state.hpp"

namespace vmkit::agent {

MuxStream::MuxStream(std::shared_ptr<MuxState> state, yamux::StreamId id)
    : state_(std::move(state)), id_(id) {}

MuxStream::~MuxStream() {
  state_->forget(id_);
}

std::size_t MuxStream::read(std::span<std::byte> buffer, const CallOptions& options) {
  return state_->read(id_, buffer, options);
}

void MuxStream::write(std::span<const std::byte> data, const CallOptions& options) {
  state_->write(id_, data, options);
}

std::optional<std::size_t> MuxStream::read_now(std::span<std::byte> buffer) {
  return state_->read_now(id_, buffer);
}

std::size_t MuxStream::write_now(std::span<const std::byte> data) {
  return state_->write_now(id_, data);
}

void MuxStream::set_listener(std::function<void()> listener) {
  state_->set_listener(id_, std::move(listener));
}

std::size_t MuxStream::write_some(std::span<const std::byte> data, const CallOptions& options) {
  return state_->write_some(id_, data, options);
}

std::uint64_t MuxStream::acknowledged() const {
  return state_->acknowledged(id_);
}

void MuxStream::report_every(std::uint32_t bytes) {
  state_->report_every(id_, bytes);
}

std::optional<Error> MuxStream::session_failure() const {
  return state_->failure();
}

void MuxStream::post(std::string_view message) {
  state_->post(id_, message);
}

void MuxStream::close_write() {
  state_->close_write(id_);
}

void MuxStream::close() noexcept {
  state_->close(id_);
}

Mux::Mux(std::unique_ptr<Stream> transport, yamux::Role role, yamux::Limits limits,
         std::span<const std::byte> early_input)
    : state_(std::make_shared<MuxState>(std::move(transport), role, limits)) {
  const std::vector<std::byte> early(early_input.begin(), early_input.end());
  reader_ = std::thread([state = state_, early] { state->read_transport(early); });
  try {
    writer_ = std::thread([state = state_] { state->write_transport(); });
  } catch (...) {
    state_->shut_down();
    reader_.join();
    throw;
  }
}

void Mux::end() noexcept {
  std::call_once(ended_, [this] {
    state_->shut_down();
    reader_.join();
    writer_.join();
    state_->drop_transport();
  });
}

std::unique_ptr<MuxStream> Mux::open(std::span<const std::byte> header) {
  return std::make_unique<MuxStream>(state_, state_->open(header));
}

std::unique_ptr<MuxStream> Mux::accept(const CallOptions& options) {
  return std::make_unique<MuxStream>(state_, state_->accept(options));
}

std::unique_ptr<MuxStream> Mux::accept_now() {
  const auto id = state_->accept_now();
  return id ? std::make_unique<MuxStream>(state_, *id) : nullptr;
}

void Mux::set_accept_listener(std::function<void()> listener) {
  state_->set_accept_listener(std::move(listener));
}

void Mux::limit_accepted(std::size_t most) {
  state_->limit_accepted(most);
}

void Mux::set_handler(const MuxStream& stream,
                      std::function<void(std::span<const std::byte>)> handler) {
  state_->set_handler(stream.id(), std::move(handler));
}

void Mux::on_failure(std::function<void(const Error&)> handler) {
  state_->on_failure(std::move(handler));
}

std::optional<Error> Mux::failure() const {
  return state_->failure();
}

void Mux::close() noexcept {
  state_->shut_down();
}

}  // namespace vmkit::agent
