// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "monitor/descriptor.hpp"

#include <vmkit/base/error.hpp>

namespace cli {

/// One end of a unix socket on which messages go both ways, each a line of JSON of at most 1 MiB,
/// which may bring descriptors along. One thread receives; any send.
class Channel {
 public:
  explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}

  /// To whoever listens at `path`; unavailable if nobody does.
  static Channel connect(const std::filesystem::path& path);
  static std::pair<Channel, Channel> make_pair();

  /// Throws unavailable when the other end is gone.
  void send(const nlohmann::json& message, std::span<const int> descriptors = {});
  /// The next message; nothing at the end. Throws data_corruption for what is none.
  std::optional<nlohmann::json> receive();
  /// What came along with the messages until now, at most three.
  std::vector<Descriptor> take_descriptors() { return std::move(descriptors_); }

  /// Whoever receives here gets the end.
  void shutdown_receive() noexcept;
  int fd() const { return socket_.get(); }
  /// The other end reads the end of it.
  void close() noexcept;

 private:
  Descriptor socket_;
  std::string received_;
  std::vector<Descriptor> descriptors_;
  std::unique_ptr<std::mutex> sending_ = std::make_unique<std::mutex>();
};

/// An error as a message, and back.
nlohmann::json to_json(const vmkit::Error& error);
vmkit::Error error_of(const nlohmann::json& message);

}  // namespace cli
