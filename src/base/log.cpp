// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <vmkit/base/log.hpp>

namespace vmkit {

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

LogSink::~LogSink() = default;

Logger::Logger(std::shared_ptr<LogSink> sink, std::string_view module)
    : sink_(std::move(sink)), module_(module) {}

void Logger::debug(std::string_view message,
                   std::initializer_list<LogField> fields) const noexcept {
  write(LogLevel::debug, message, fields);
}

void Logger::info(std::string_view message, std::initializer_list<LogField> fields) const noexcept {
  write(LogLevel::info, message, fields);
}

void Logger::warning(std::string_view message,
                     std::initializer_list<LogField> fields) const noexcept {
  write(LogLevel::warning, message, fields);
}

void Logger::error(std::string_view message,
                   std::initializer_list<LogField> fields) const noexcept {
  write(LogLevel::error, message, fields);
}

void Logger::write(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) const noexcept {
  if (sink_) sink_->write(LogRecord{level, module_, message, {fields.begin(), fields.size()}});
}

}  // namespace vmkit
