// SPDX-License-Identifier: Apache-2.0
#include "monitor/output_log.hpp"

#include <doctest/doctest.h>
#include <fstream>

#include "support/temporary_directory.hpp"

using namespace vmkit;
using cli::LogPiece;
using cli::LogReader;
using cli::OutputLog;
using cli::OutputStream;

namespace {

struct Fixture {
  os::TemporaryDirectory folder = test::temporary_directory();

  static void write(OutputLog& log, OutputStream stream, std::string_view text) {
    log.write(stream, std::as_bytes(std::span(text)));
  }
  /// As a terminal would show it; error output in <>.
  static std::string rest_of(LogReader& reader) {
    std::string text;
    reader.read([&](const LogPiece& piece) {
      const std::string line = std::string(piece.text) + (piece.ends_line ? "\n" : "");
      text += piece.stream == OutputStream::out ? line : "<" + line + ">";
    });
    return text;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "output log: what is written is read, also later, byte for byte") {
  OutputLog log(folder.path());
  LogReader reader(folder.path());
  CHECK(rest_of(reader).empty());
  write(log, OutputStream::out, "one\ntwo");
  write(log, OutputStream::err, "oops\n");
  CHECK(rest_of(reader) == "one\ntwo<oops\n>");
  write(log, OutputStream::out, "\n\n");
  const std::string odd("\0\xff\r stdout F x\n", 15);
  write(log, OutputStream::out, odd);
  CHECK(rest_of(reader) == "\n\n" + odd);
  CHECK(rest_of(reader).empty());
  // By another process, after a restart.
  OutputLog again(folder.path());
  write(again, OutputStream::out, "more\n");
  CHECK(rest_of(reader) == "more\n");
  LogReader later(folder.path());
  CHECK(rest_of(later) == "one\ntwo<oops\n>\n\n" + odd + "more\n");
}

TEST_CASE_FIXTURE(Fixture, "output log: bounded; who follows misses nothing") {
  constexpr std::uint64_t limit = 10'000;
  OutputLog log(folder.path(), limit);
  LogReader reader(folder.path());
  std::string written, followed;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    write(log, OutputStream::out, line);
    written += line;
    if (i % 50 == 0) followed += rest_of(reader);
  }
  followed += rest_of(reader);
  CHECK(followed == written);
  std::uint64_t size = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    size += entry.file_size();
  }
  CHECK(size > limit);
  CHECK(size <= 2 * limit);
  LogReader later(folder.path());
  const std::string kept = rest_of(later);
  CHECK(kept.size() < written.size());
  CHECK(written.ends_with(kept));
}

TEST_CASE_FIXTURE(Fixture, "output log: lines that are none are passed over") {
  std::ofstream(folder.path() / "output.log")
      << "\nx\n2026-01-01T00:00:00Z stdout F good\n2026-01-01T00:00:00Z stdin F x\n"
         "2026-01-01T00:00:00Z stdout\n2026-01-01T00:00:00Z stdout X x\nnever stdout F x\n";
  LogReader reader(folder.path());
  CHECK(rest_of(reader) == "good\n");
}
