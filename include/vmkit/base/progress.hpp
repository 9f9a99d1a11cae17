// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace vmkit {

enum class ProgressUnit { bytes, entries };

/// How far a long call is, in absolute numbers: the last report of a subject is always the whole
/// truth about it. The views are valid during the callback only.
struct Progress {
  std::string_view phase;    ///< What is being done: "pull", "unpack", …
  std::string_view subject;  ///< To what: a layer's digest, a path; may be empty.
  ProgressUnit unit = ProgressUnit::bytes;
  std::uint64_t done = 0;
  std::uint64_t total = 0;  ///< 0: not known.
};

/// Called by one thread at a time, about ten times a second for each subject and once at its end.
/// An exception that it throws stops the call and comes back to the caller unchanged.
using ProgressCallback = std::function<void(const Progress&)>;

/// Reports one subject's progress at most ten times a second, so that the work can call add() as
/// often as it likes. Confined to one thread. `callback` may be empty and must outlive the meter.
class ProgressMeter {
 public:
  ProgressMeter(const ProgressCallback& callback, std::string phase, std::string subject,
                ProgressUnit unit, std::uint64_t total);

  void add(std::uint64_t amount) { set(done_ + amount); }
  void set(std::uint64_t done);
  /// Reports the state as it is now, whatever was reported before.
  void flush();

 private:
  const ProgressCallback& callback_;
  std::string phase_;
  std::string subject_;
  ProgressUnit unit_;
  std::uint64_t done_ = 0;
  std::uint64_t total_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace vmkit
