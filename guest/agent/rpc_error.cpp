// SPDX-License-Identifier: Apache-2.0
#include "rpc_error.hpp"

#include <cstdlib>

namespace vmkit::guest {

std::string encode_failure(const RpcError& error) {
  return std::to_string(error.code) + " " + std::to_string(error.errno_value) + " " + error.message;
}

RpcError decode_failure(const std::string& encoded) {
  char* end = nullptr;
  const long code = std::strtol(encoded.c_str(), &end, 10);
  const long errno_value = std::strtol(end, &end, 10);
  RpcError error(static_cast<agent::protocol::ErrorCode>(code), *end == ' ' ? end + 1 : end);
  error.errno_value = static_cast<int>(errno_value);
  return error;
}

}  // namespace vmkit::guest
