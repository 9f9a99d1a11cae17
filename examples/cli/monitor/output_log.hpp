// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "monitor/descriptor.hpp"
#include "output/time.hpp"

namespace cli {

enum class OutputStream { out, err };

/// What a container's process has written, in its folder: output.log, and output.log.1 with what
/// was before. A line is "TIME stdout|stderr F|P TEXT", as Kubernetes has it; after P the line goes
/// on in the stream's next one. So much of it is kept: at most twice `limit`. Thread-safe.
class OutputLog {
 public:
  static constexpr std::uint64_t default_limit = 8 * 1024 * 1024;

  explicit OutputLog(std::filesystem::path folder, std::uint64_t limit = default_limit);

  /// A log that cannot be written (a full disk) loses what it is given; the container runs on.
  void write(OutputStream stream, std::span<const std::byte> data) noexcept;

 private:
  void open();
  void rotate();

  const std::filesystem::path path_;
  const std::uint64_t limit_;
  std::mutex mutex_;  // guards what follows
  Descriptor file_;
  std::uint64_t size_ = 0;
};

/// A piece of a log.
struct LogPiece {
  Time time;
  OutputStream stream;
  bool ends_line;
  std::string_view text;
};

/// Reads a container's log, and what is added to it. Confined.
class LogReader {
 public:
  explicit LogReader(std::filesystem::path folder);

  /// All pieces that are there and were not told before.
  void read(const std::function<void(const LogPiece&)>& handler);

 private:
  bool read_file(const std::function<void(const LogPiece&)>& handler);

  const std::filesystem::path path_;
  Descriptor file_;
  std::string rest_;  // of a line that is not whole yet
};

}  // namespace cli
