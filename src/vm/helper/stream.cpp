// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/stream.hpp"

#include <chrono>
#include <utility>

#include "os/socket.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::helper {
namespace {

// For the helper to let go of a port, so that it can be opened again.
constexpr auto close_patience = std::chrono::seconds(5);

std::uint64_t number_in(const Connection::Answer& answer, const char* member) {
  const auto found = answer.result.find(member);
  if (found == answer.result.end() || !found->is_number_unsigned()) {
    throw Error(Errc::data_corruption,
                "a helper answered without the number of a " + std::string(member));
  }
  return found->get<std::uint64_t>();
}

class RelayedStream final : public Stream {
 public:
  RelayedStream(std::shared_ptr<Connection> helper, Connection::Answer answer, bool is_port)
      : helper_(std::move(helper)), number_(number_in(answer, "stream")), is_port_(is_port) {
    if (!answer.descriptor) {
      throw Error(Errc::data_corruption, "a helper answered without a stream's descriptor");
    }
    socket_ = os::make_socket_stream(std::move(answer.descriptor));
  }
  ~RelayedStream() override {
    close();
    const Json params{{"stream", number_}};
    if (!is_port_) {
      helper_->tell("close", params);
      return;
    }
    try {  // a port has one connection at a time: the next one may be wanted at once
      helper_->call("close", params, CallOptions{}.with_timeout(close_patience));
    } catch (const Error&) {  // it has gone, and the stream with it
    }
  }

  std::size_t read(std::span<std::byte> buffer) override { return socket_->read(buffer); }
  void write(std::span<const std::byte> data) override { socket_->write(data); }
  void close_write() override {
    if (is_port_) {
      throw Error(Errc::unsupported, "a machine's port cannot be closed in one direction only");
    }
    socket_->close_write();
  }
  void close() noexcept override { socket_->close(); }

 private:
  const std::shared_ptr<Connection> helper_;
  const std::uint64_t number_;
  const bool is_port_;
  std::unique_ptr<Stream> socket_;
};

class RelayedListener final : public VsockListener {
 public:
  RelayedListener(std::shared_ptr<Connection> helper, std::uint64_t number)
      : helper_(std::move(helper)), number_(number) {}
  ~RelayedListener() override { helper_->tell("close_listener", {{"listener", number_}}); }

  std::unique_ptr<Stream> accept(const CallOptions& options) override {
    return make_vsock_stream(helper_, helper_->call("accept", {{"listener", number_}}, options));
  }

 private:
  const std::shared_ptr<Connection> helper_;
  const std::uint64_t number_;
};

}  // namespace

std::unique_ptr<Stream> make_port_stream(std::shared_ptr<Connection> helper,
                                         Connection::Answer answer) {
  return std::make_unique<RelayedStream>(std::move(helper), std::move(answer), true);
}

std::unique_ptr<Stream> make_vsock_stream(std::shared_ptr<Connection> helper,
                                          Connection::Answer answer) {
  return std::make_unique<RelayedStream>(std::move(helper), std::move(answer), false);
}

std::unique_ptr<VsockListener> make_vsock_listener(std::shared_ptr<Connection> helper,
                                                   const Connection::Answer& answer) {
  return std::make_unique<RelayedListener>(std::move(helper), number_in(answer, "listener"));
}

}  // namespace vmkit::vm::helper
