// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace vmkit::vm {

/// What an NBD URI names: "nbd://host[:port][/export]" or "nbd+unix://[/export]?socket=/path", as
/// the URI specification of the Network Block Device project has it. Without TLS.
struct NbdUri {
  std::string host = {};    ///< Empty with a unix socket.
  std::string port = {};    ///< In decimal; "10809" unless the URI has another.
  std::string socket = {};  ///< The unix socket's path.
  std::string export_name = {};
};

/// The URI's parts; or what is wrong, for a message: what was expected and found.
std::variant<NbdUri, std::string> parse_nbd_uri(std::string_view uri);

}  // namespace vmkit::vm
