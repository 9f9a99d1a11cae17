// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

namespace vmkit {

enum class LogLevel { debug, info, warning, error };

std::string_view to_string(LogLevel level) noexcept;

/// A named value of a record: what a program would look for in a log.
struct LogField {
  std::string_view key;
  std::string_view value;
};

/// One event. The views are valid during LogSink::write only. No secret is ever in it.
struct LogRecord {
  LogLevel level;
  std::string_view module;  ///< "oci", "vm", …
  std::string_view message;
  std::span<const LogField> fields;
};

/// Where the host wants log records to go. Called from any thread, also in destructors: it must be
/// thread-safe and must not call back into the object that logs.
class LogSink {
 public:
  virtual ~LogSink();
  virtual void write(const LogRecord& record) noexcept = 0;
};

/// A module's way to a sink; without a sink, silence. Thread-safe if the sink is.
class Logger {
 public:
  Logger() = default;
  /// `module` must be a literal.
  Logger(std::shared_ptr<LogSink> sink, std::string_view module);

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const noexcept;
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const noexcept;
  void warning(std::string_view message,
               std::initializer_list<LogField> fields = {}) const noexcept;
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const noexcept;

 private:
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) const noexcept;

  std::shared_ptr<LogSink> sink_;
  std::string_view module_;
};

}  // namespace vmkit
