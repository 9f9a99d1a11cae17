// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "os/descriptor.hpp"

// The QEMU Machine Protocol: JSON objects, one a line, over a socket. The peer is a process that a
// hostile guest may have taken over, so everything from it is checked and bounded.
namespace vmkit::vm::qemu {

/// The first thing that QEMU says.
struct QmpGreeting {};

/// The answer to the command that had this id.
struct QmpReply {
  std::uint64_t id;
  std::optional<std::string> error = {};  ///< QEMU's words, if it refused.
  nlohmann::json result = {};             ///< Anything, if it did not.
};

struct QmpCommand {
  std::string name;
  nlohmann::json arguments = nlohmann::json::object();
  /// Goes along with it: one of QEMU's own for the same open file.
  std::shared_ptr<const os::Descriptor> descriptor = {};
};

struct QmpEvent {
  std::string name;
  nlohmann::json data = {};  ///< An object, perhaps empty.

  /// A member of `data`, if it is there and a string.
  std::optional<std::string> text(const char* member) const;
  /// True if the member is there and true.
  bool flag(const char* member) const;
};

using QmpMessage = std::variant<QmpGreeting, QmpReply, QmpEvent>;

/// Takes the bytes as they come and gives whole messages. Confined.
class QmpParser {
 public:
  /// The longest line that is taken: nothing that we ask for has a longer answer.
  static constexpr std::size_t longest_line = 256 << 10;

  void add(std::string_view bytes);

  /// The next whole message. Throws data_corruption for what is no QMP: the peer is then beyond
  /// use.
  std::optional<QmpMessage> next();

 private:
  std::string buffer_;
  std::size_t consumed_ = 0;
  std::size_t searched_ = 0;
};

/// A command's line.
std::string to_line(const QmpCommand& command, std::uint64_t id);

}  // namespace vmkit::vm::qemu
