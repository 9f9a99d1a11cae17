// SPDX-License-Identifier: Apache-2.0
#include "terminal/progress_display.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include <vmkit/base/byte_size.hpp>

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

std::string amount(std::uint64_t value, vmkit::ProgressUnit unit) {
  if (unit == vmkit::ProgressUnit::bytes) return to_string(vmkit::ByteSize(value));
  return std::to_string(value) + " entries";
}

/// "sha256:0123456789ab" says enough of a digest on a screen.
std::string short_name(const std::string& name) {
  return name.starts_with("sha256:") ? name.substr(0, 19) : name;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

ProgressDisplay::ProgressDisplay(bool quiet)
    : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressDisplay::~ProgressDisplay() {
  clear();
}

void ProgressDisplay::finish() {
  std::lock_guard lock(mutex_);
  clear();
  finished_ = true;
}

vmkit::ProgressCallback ProgressDisplay::callback() {
  if (quiet_) return {};
  return [this](const vmkit::Progress& progress) { update(progress); };
}

void ProgressDisplay::say(const std::string& text) {
  if (quiet_) return;
  std::lock_guard lock(mutex_);
  clear();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void ProgressDisplay::update(const vmkit::Progress& progress) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  auto phase = std::find_if(phases_.begin(), phases_.end(),
                            [&](const Phase& known) { return known.name == progress.phase; });
  if (phase == phases_.end()) {
    phase = phases_.insert(phase, Phase{std::string(progress.phase), Clock::now(), {}});
  }
  auto [place, is_new] = phase->subjects.try_emplace(std::string(progress.subject));
  Subject& subject = place->second;
  if (is_new) subject.start = Clock::now();
  subject.done = progress.done;
  subject.total = progress.total;
  subject.unit = progress.unit;
  if (terminal_) {
    draw();
  } else if (subject.total != 0 && subject.done == subject.total && !subject.told) {
    tell(*phase, place->first, subject);
  }
}

void ProgressDisplay::tell(const Phase& phase, const std::string& name, Subject& subject) {
  subject.told = true;
  const double seconds = seconds_since(subject.start);
  std::fprintf(stderr, "%s %s: %s in %.2f s\n", phase.name.c_str(), short_name(name).c_str(),
               amount(subject.done, subject.unit).c_str(), seconds);
}

void ProgressDisplay::draw() {
  std::string line;
  for (const Phase& phase : phases_) {
    const bool goes_on =
        std::any_of(phase.subjects.begin(), phase.subjects.end(), [](const auto& item) {
          return item.second.total == 0 || item.second.done < item.second.total;
        });
    if (goes_on) line += (line.empty() ? "" : "   ") + line_of(phase);
  }
  if (line.empty()) line = line_of(phases_.back());
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

std::string ProgressDisplay::line_of(const Phase& phase) {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::size_t finished = 0;
  bool total_known = true;
  for (const auto& [name, subject] : phase.subjects) {
    done += subject.done;
    total += subject.total;
    if (subject.total == 0) total_known = false;
    if (subject.total != 0 && subject.done == subject.total) ++finished;
  }
  const vmkit::ProgressUnit unit = phase.subjects.begin()->second.unit;
  const double seconds = seconds_since(phase.start);
  const double rate = seconds > 0.2 ? static_cast<double>(done) / seconds : 0;
  std::string line = phase.name + "  " + std::to_string(finished) + "/" +
                     std::to_string(phase.subjects.size()) + "  " + amount(done, unit);
  if (total_known) line += " of " + amount(total, unit);
  if (rate > 0) {
    line += "  " + amount(static_cast<std::uint64_t>(rate), unit) + "/s";
    if (total_known && total > done) {
      const auto left = static_cast<unsigned>(static_cast<double>(total - done) / rate + 0.5);
      char text[32];
      std::snprintf(text, sizeof text, "  %u:%02u left", left / 60, left % 60);
      line += text;
    }
  }
  return line;
}

void ProgressDisplay::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

}  // namespace cli
