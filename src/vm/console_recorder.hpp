// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/file.hpp"

#include <vmkit/vm/config.hpp>

namespace vmkit::vm::detail {

/// Takes a guest's console output: keeps the last lines in bounded memory and writes all of it, up
/// to a limit, to the log file. Thread-safe.
class ConsoleRecorder {
 public:
  /// Opens nothing; the file is made by open().
  explicit ConsoleRecorder(ConsoleLog log) : log_(std::move(log)) {}

  enum class Existing { replace, continue_ };

  /// Makes the log file; one that is there is emptied, or written on.
  void open(Existing existing = Existing::replace);

  /// A file that cannot be written any more (disk full) ends there; the lines are kept all the
  /// same.
  void append(std::string_view output);

  bool empty() const;

  /// At most `lines` of the last lines, the unfinished one included. Control characters, which a
  /// terminal would obey, are replaced.
  std::vector<std::string> tail(std::size_t lines) const;

 private:
  void end_line();
  void write_log(std::string_view output);

  const ConsoleLog log_;
  mutable std::mutex mutex_;
  std::optional<os::File> file_;
  std::uint64_t written_ = 0;
  bool empty_ = true;
  std::string line_;  // not ended yet
  std::deque<std::string> lines_;
  std::size_t kept_ = 0;  // bytes in lines_
};

/// The console's last lines, or those around the kernel's panic if there is one, for a message.
std::string console_text(const std::vector<std::string>& lines);

}  // namespace vmkit::vm::detail
