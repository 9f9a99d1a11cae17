// SPDX-License-Identifier: Apache-2.0
#include "vm/console_recorder.hpp"

#include <doctest/doctest.h>

#include "os/directory.hpp"

using namespace vmkit;
using vmkit::vm::detail::console_text;
using vmkit::vm::detail::ConsoleRecorder;
using Lines = std::vector<std::string>;

TEST_CASE("console: the last lines, whole and begun") {
  ConsoleRecorder console({});
  CHECK(console.empty());
  CHECK(console.tail(5).empty());
  console.append("one\r\ntw");
  console.append("o\r\nthr");
  CHECK_FALSE(console.empty());
  CHECK(console.tail(5) == Lines{"one", "two", "thr"});
  CHECK(console.tail(2) == Lines{"two", "thr"});
  CHECK(console.tail(0).empty());
  console.append("ee\n");
  CHECK(console.tail(1) == Lines{"three"});
}

TEST_CASE("console: what a terminal would obey is replaced") {
  ConsoleRecorder console({});
  console.append("\x1b]0;title\x07\tok\x7f\n");
  CHECK(console.tail(1) == Lines{"?]0;title?\tok?"});
}

TEST_CASE("console: a flood is bounded in memory, with and without line ends") {
  ConsoleRecorder console({});
  const std::string block(1 << 20, 'x');
  console.append(block);
  for (int i = 0; i < 100'000; ++i) console.append("\n");
  console.append("last");
  const Lines tail = console.tail(1'000'000);
  CHECK(tail.size() <= 4097);
  CHECK(tail.back() == "last");
  ConsoleRecorder wide({});
  wide.append(block);
  std::size_t bytes = 0;
  for (const std::string& line : wide.tail(1'000'000)) bytes += line.size();
  CHECK(bytes <= (64 << 10) + 2048);
  CHECK(bytes >= (62 << 10));
}

TEST_CASE("console: the log file is emptied, readable while written, and limited") {
  const os::TemporaryDirectory folder(std::filesystem::temp_directory_path(), "vmkit-console");
  const auto file = folder.path() / "console.log";
  os::write_file_atomically(file, "of the last run, which was longer");
  ConsoleRecorder console({.file = file, .limit = ByteSize(10)});
  console.open();
  console.append("hello\n");
  CHECK(os::read_file(file, 1_MiB) == "hello\n");
  console.append("world, and more");
  console.append("never written");
  const std::string content = os::read_file(file, 1_MiB);
  CHECK(content == "hello\nworl\n[vmkit: the log's size limit is reached]\n");
  CHECK(console.tail(1) == Lines{"world, and morenever written"});
}

TEST_CASE("console recorder: of a long console the end is shown, of a panic its beginning") {
  std::vector<std::string> lines;
  for (int i = 0; i < 80; ++i) lines.push_back("line " + std::to_string(i));
  const std::string end = console_text(lines);
  CHECK(end.find("last console lines:\n  line 60\n") == 0);
  CHECK(end.find("line 79") != std::string::npos);
  lines[30] = "[ 1.0] Kernel panic - not syncing";
  const std::string panic = console_text(lines);
  CHECK(panic.find("the console's lines at the panic:\n  line 27\n") == 0);
  CHECK(panic.find("Kernel panic") != std::string::npos);
  CHECK(panic.find("line 46") != std::string::npos);
  CHECK(panic.find("line 47") == std::string::npos);
  CHECK(console_text({}) == "the console is empty");
}
