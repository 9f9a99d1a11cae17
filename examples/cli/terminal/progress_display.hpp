// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <vmkit/base/progress.hpp>

namespace cli {

/// Shows long work on standard error: on a terminal one line that is drawn again and again, with
/// amounts, rate and remaining time of each phase that goes on; elsewhere a plain line for each
/// finished subject. Thread-safe.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(bool quiet);
  /// Clears the terminal's line.
  ~ProgressDisplay();

  vmkit::ProgressCallback callback();

  /// Clears the line for good: amounts are shown no more.
  void finish();

  /// One line of its own, for a step that has no amounts ("booting"); also after finish().
  void say(const std::string& text);

 private:
  struct Subject {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    vmkit::ProgressUnit unit = vmkit::ProgressUnit::bytes;
    std::chrono::steady_clock::time_point start;
    bool told = false;
  };
  struct Phase {
    std::string name;
    std::chrono::steady_clock::time_point start;
    std::map<std::string, Subject> subjects;
  };

  void update(const vmkit::Progress& progress);
  void draw();
  static std::string line_of(const Phase& phase);
  static void tell(const Phase& phase, const std::string& name, Subject& subject);
  void clear();

  const bool quiet_;
  const bool terminal_;
  std::mutex mutex_;  // guards what follows
  bool drawn_ = false;
  bool finished_ = false;
  std::vector<Phase> phases_;  // several at once where a pull feeds an unpack
};

}  // namespace cli
