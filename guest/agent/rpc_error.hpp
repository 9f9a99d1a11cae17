// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <exception>
#include <string>
#include <utility>

#include "agent/protocol.hpp"

namespace vmkit::guest {

/// What a method answers instead of a result.
class RpcError : public std::exception {
 public:
  RpcError(agent::protocol::ErrorCode error_code, std::string text, int error_number = 0)
      : code(error_code), message(std::move(text)), errno_value(error_number) {
    if (errno_value != 0) message.append(": ").append(std::strerror(errno_value));
  }
  const char* what() const noexcept override { return message.c_str(); }

  agent::protocol::ErrorCode code;
  std::string message;
  int errno_value;  ///< 0: none
  int errc = 0;     ///< The value of vmkit::Errc that fits, where the code alone does not tell.
};

/// An error as text for a pipe from a child, and back.
std::string encode_failure(const RpcError& error);
RpcError decode_failure(const std::string& encoded);

}  // namespace vmkit::guest
