// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

/// The numbers of docs/formats/agent-protocol.md that both the library and the guest agent use.
namespace vmkit::agent::protocol {

inline constexpr std::uint32_t version = 2;

/// A JSON-RPC message, without its length prefix.
inline constexpr std::size_t max_message_bytes = 1024 * 1024;
inline constexpr std::size_t max_json_depth = 16;

/// A client that has lost its session is remembered for so long, and so are its places in streams.
inline constexpr std::chrono::seconds hold_time{30};

/// What the agent lets a client send on a stream before it has taken some of it.
inline constexpr std::uint32_t input_window = 1024 * 1024;

/// Every stream but the first begins with four bytes: 'v', 's', the kind, 1.
enum class StreamKind : std::uint8_t { stdio = 1, file = 2, connection = 3, probe = 4 };
inline constexpr std::size_t stream_header_size = 4;

constexpr std::array<std::byte, stream_header_size> stream_header(StreamKind kind) {
  return {std::byte{'v'}, std::byte{'s'}, static_cast<std::byte>(kind), std::byte{1}};
}

/// Error codes of JSON-RPC itself and, from -32000 downwards, of the agent.
enum ErrorCode : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  operation_failed = -32000,
  program_not_found = -32001,
  program_not_executable = -32002,
  bad_user = -32003,
  bad_working_directory = -32004,
  no_such_process = -32005,
  no_such_device = -32006,
  wrong_state = -32007,
  limit_reached = -32008,
  file_failed = -32009,
  connection_failed = -32010,
  not_supported = -32012,
  bad_mount = -32013,
};

}  // namespace vmkit::agent::protocol
