// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <vmkit/container/process_options.hpp>

namespace vmkit::container {

/// Somebody listens: a connection is accepted.
struct TcpProbe {
  std::uint16_t port;
  std::string address = "127.0.0.1";  ///< In the guest, numeric.
};

/// A GET is answered with one of these statuses. HTTP/1.1 without TLS; redirects are not followed.
struct HttpProbe {
  std::uint16_t port;
  std::string path = "/";
  std::string host = "localhost";     ///< Of the Host field.
  std::string address = "127.0.0.1";  ///< In the guest, numeric.
  unsigned least_status = 200;
  unsigned most_status = 399;
};

/// A process exits with 0.
struct ExecProbe {
  ProcessOptions process;
};

/// A process has written a line, to its output or its error output, since it began. Its output has
/// to be kept (OutputOptions::after_reading, or nobody reads it).
struct LogProbe {
  std::uint64_t process;  ///< Process::handle().
  std::string text;       ///< Somewhere in a line; a line counts up to 64 KiB.
  bool regex = false;     ///< `text` is an ECMAScript regular expression.
};

/// How to find out whether what runs in a container works.
struct Probe {
  std::variant<TcpProbe, HttpProbe, ExecProbe, LogProbe> action;
  std::chrono::milliseconds interval{250};  ///< Between the end of a try and the next.
  std::chrono::milliseconds timeout{5000};  ///< A try that takes longer has failed.
  /// At the beginning failures do not count.
  std::chrono::milliseconds start_period{0};
  /// So many failures in a row are a result too; 0: any number may come before a success.
  unsigned retries = 0;
};

enum class HealthState { none, starting, healthy, unhealthy };

std::string_view to_string(HealthState state) noexcept;

/// What is known of a container's health.
struct Health {
  HealthState state = HealthState::none;  ///< none: nothing is checked.
  unsigned failures = 0;                  ///< In a row.
  std::string last_failure = {};          ///< Why the last try failed; empty if it did not.
};

}  // namespace vmkit::container
