// SPDX-License-Identifier: Apache-2.0
#include "vm/console_recorder.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit::vm::detail {
namespace {

constexpr std::size_t most_kept = 64 << 10;
constexpr std::size_t longest_line = 2048;  // longer ones are broken
constexpr std::string_view limit_note = "\n[vmkit: the log's size limit is reached]\n";

std::string printable(std::string_view line) {
  std::string text(line);
  std::erase(text, '\r');
  for (char& c : text) {
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f') c = '?';
  }
  return text;
}

}  // namespace

void ConsoleRecorder::open(Existing existing) {
  std::lock_guard lock(mutex_);
  if (log_.file.empty()) return;
  file_ = os::File::open(log_.file, os::File::Mode::create);
  if (existing == Existing::replace) file_->resize(ByteSize(0));
  written_ = file_->size().bytes();
}

void ConsoleRecorder::append(std::string_view output) {
  std::lock_guard lock(mutex_);
  empty_ = empty_ && output.empty();
  if (file_) write_log(output);
  while (!output.empty()) {
    const std::size_t room = longest_line - line_.size();
    const std::size_t length = std::min({output.find('\n'), output.size(), room});
    line_ += output.substr(0, length);
    output.remove_prefix(length);
    if (!output.empty() && output.front() == '\n') {
      output.remove_prefix(1);
      end_line();
    } else if (line_.size() == longest_line) {
      end_line();
    }
  }
}

void ConsoleRecorder::end_line() {
  kept_ += line_.size();
  lines_.push_back(std::exchange(line_, {}));
  while (kept_ > most_kept || lines_.size() > most_kept / 16) {
    kept_ -= lines_.front().size();
    lines_.pop_front();
  }
}

void ConsoleRecorder::write_log(std::string_view output) {
  const std::uint64_t room = log_.limit.bytes() - std::min(written_, log_.limit.bytes());
  const bool ends = output.size() > room;
  std::string text(output.substr(0, std::min<std::uint64_t>(output.size(), room)));
  if (ends) text += limit_note;
  try {
    file_->write_at(written_, std::as_bytes(std::span(text)));
    written_ += text.size();
    if (ends) file_.reset();
  } catch (const Error&) {
    file_.reset();
  }
}

bool ConsoleRecorder::empty() const {
  std::lock_guard lock(mutex_);
  return empty_;
}

std::vector<std::string> ConsoleRecorder::tail(std::size_t lines) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> result;
  const bool unfinished = lines > 0 && !line_.empty() && line_ != "\r";
  const std::size_t whole = std::min(lines_.size(), lines - (unfinished ? 1 : 0));
  for (std::size_t i = lines_.size() - whole; i < lines_.size(); ++i) {
    result.push_back(printable(lines_[i]));
  }
  if (unfinished) result.push_back(printable(line_));
  return result;
}

std::string console_text(const std::vector<std::string>& lines) {
  if (lines.empty()) return "the console is empty";
  constexpr std::ptrdiff_t most = 20;
  constexpr std::ptrdiff_t before_panic = 3;
  // A panic's own line comes first in its report, and a long call trace after it.
  const auto panic = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("Kernel panic") != std::string::npos;
  });
  auto first = lines.end() - std::min(lines.end() - lines.begin(), most);
  if (panic < first) first = panic - std::min(panic - lines.begin(), before_panic);
  std::string text =
      panic != lines.end() ? "the console's lines at the panic:" : "last console lines:";
  for (auto line = first; line != lines.end() && line - first < most; ++line)
    text += "\n  " + *line;
  return text;
}

}  // namespace vmkit::vm::detail
