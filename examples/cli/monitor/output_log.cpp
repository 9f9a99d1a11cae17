// SPDX-License-Identifier: Apache-2.0
#include "monitor/output_log.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

namespace cli {
namespace {

std::filesystem::path file_in(const std::filesystem::path& folder) {
  return folder / "output.log";
}

std::filesystem::path older(std::filesystem::path path) {
  return path += ".1";
}

std::optional<LogPiece> piece_of(std::string_view line) {
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos || line.size() < first + 10) return std::nullopt;
  const auto time = parse_time(line.substr(0, first));
  const std::string_view stream = line.substr(first + 1, 6);
  const char tag = line[first + 8];
  if (!time || (stream != "stdout" && stream != "stderr") || (tag != 'F' && tag != 'P')) {
    return std::nullopt;
  }
  return LogPiece{*time, stream == "stdout" ? OutputStream::out : OutputStream::err, tag == 'F',
                  line.substr(first + 10)};
}

}  // namespace

OutputLog::OutputLog(std::filesystem::path folder, std::uint64_t limit)
    : path_(file_in(folder)), limit_(limit) {
  open();
}

void OutputLog::open() {
  file_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  struct stat status {};
  size_ = ::fstat(file_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void OutputLog::rotate() {
  std::rename(path_.c_str(), older(path_).c_str());
  open();
}

void OutputLog::write(OutputStream stream, std::span<const std::byte> data) noexcept {
  try {
    const std::string head = to_text(std::chrono::system_clock::now()) +
                             (stream == OutputStream::out ? " stdout " : " stderr ");
    std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    std::string lines;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      lines += head;
      lines += end == std::string_view::npos ? "P " : "F ";
      lines += text.substr(0, end);
      lines += '\n';
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    const std::lock_guard lock(mutex_);
    if (size_ + lines.size() > limit_ && size_ != 0) rotate();
    if (::write(file_.get(), lines.data(), lines.size()) > 0) size_ += lines.size();
  } catch (const std::exception&) {
    // No memory: lost, too.
  }
}

LogReader::LogReader(std::filesystem::path folder) : path_(file_in(folder)) {
  file_ = Descriptor(::open(older(path_).c_str(), O_RDONLY | O_CLOEXEC));
}

bool LogReader::read_file(const std::function<void(const LogPiece&)>& handler) {
  std::array<char, 65536> buffer;
  bool any = false;
  for (;;) {
    const ssize_t count = ::read(file_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return any;
    any = true;
    rest_.append(buffer.data(), static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      if (const auto piece = piece_of(std::string_view(rest_).substr(begin, end - begin))) {
        handler(*piece);
      }
    }
    rest_.erase(0, begin);
  }
}

void LogReader::read(const std::function<void(const LogPiece&)>& handler) {
  for (;;) {
    // Looked at before the reading: what is written later goes to the file that has the name.
    struct stat named {};
    struct stat ours {};
    const bool exists = ::stat(path_.c_str(), &named) == 0;
    read_file(handler);
    if (!exists) return;
    if (::fstat(file_.get(), &ours) == 0 && ours.st_ino == named.st_ino) return;
    rest_.clear();
    file_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  }
}

}  // namespace cli
