// SPDX-License-Identifier: Apache-2.0
// Trees as streams: what is written is read again, and a hostile stream does nothing.
#include <doctest/doctest.h>
#include <fcntl.h>

#include "agent/tree/build.hpp"
#include "agent/tree/format.hpp"
#include "support/errors.hpp"
#include "support/memory_source.hpp"
#include "unit/agent/file_tree.hpp"

#include <vmkit/agent/tree.hpp>
#include <vmkit/base/byte_order.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using vmkit::agent::test::content_of;
using vmkit::agent::test::count_entries;
using vmkit::agent::test::TempDir;
using vmkit::test::check_error;
using vmkit::test::MemorySource;

struct TextSink final : Sink {
  void write(std::span<const std::byte> data) override {
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  std::string text;
};

std::string be(std::uint64_t value, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[size - 1 - i] = static_cast<char>(value >> (8 * i));
  return text;
}

std::string record(char type, const std::string& payload) {
  return type + be(payload.size(), 3) + payload;
}

std::string entry(int kind, const std::string& name, const std::string& target = {},
                  std::uint64_t size = 0) {
  return record('E', be(static_cast<unsigned>(kind), 1) + be(0, 1) + be(0755, 2) + be(0, 8) +
                         be(0, 24) + be(size, 8) + be(0, 8) + be(name.size(), 2) +
                         be(target.size(), 2) + name + target);
}

std::string data(std::uint64_t offset, const std::string& text) {
  return record('D', be(offset, 8) + text);
}

const std::string magic = "vmktree1";
const std::string root = magic + entry(1, "");

std::string end(unsigned count) {
  return record('Z', be(count, 8));
}

/// Reads all there is; a summary of it.
std::string read(const std::string& stream, std::size_t step = 1000) {
  MemorySource source{stream, step};
  TreeReader reader(source);
  std::string seen;
  while (const TreeEntry* found = reader.next()) {
    seen += found->path + "|" + found->link_target + "|";
    for (const auto& xattr : found->xattrs) seen += xattr.name + "=" + xattr.value + "|";
    while (const auto block = reader.read_block()) {
      seen += std::to_string(block->offset) + ":" +
              std::string(reinterpret_cast<const char*>(block->data.data()), block->data.size()) +
              "|";
    }
  }
  for (const auto& notice : reader.notices().list) seen += notice.path + "!" + notice.what + "|";
  return seen;
}

std::string sample() {
  TextSink sink;
  TreeWriter writer(sink);
  writer.add({.path = "", .kind = FileKind::directory});
  writer.add({.path = "a", .size = 100, .xattrs = {{"user.x", std::string("\0y", 2)}}});
  writer.write(0, std::as_bytes(std::span(std::string_view("begin"))));
  writer.write(95, std::as_bytes(std::span(std::string_view("finis"))));
  writer.notice({"b", "gone"});
  writer.add({.path = "d", .kind = FileKind::directory});
  writer.add({.path = "d/e", .kind = FileKind::directory});
  writer.add({.path = "d/e/f", .kind = FileKind::symlink, .link_target = "../../a"});
  writer.add({.path = "g", .kind = FileKind::hard_link, .link_target = "d/e/f"});
  writer.finish();
  return sink.text;
}

TEST_CASE("tree: what is written is read again, in pieces of any size") {
  const std::string expected = "||a||user.x=" + std::string("\0y", 2) +
                               "|0:begin|95:finis|d||d/e||d/e/f|../../a|g|d/e/f|b!gone|";
  for (const std::size_t step : {1, 7, 1000}) CHECK(read(sample(), step) == expected);
}

TEST_CASE("tree: a stream that ends early is no tree") {
  const std::string whole = sample();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    check_error(Errc::data_corruption, {"file transfer"}, [&] { read(whole.substr(0, size)); });
  }
}

TEST_CASE("tree: hostile streams are refused") {
  const auto refused = [](const std::string& stream, const char* words) {
    CAPTURE(words);
    check_error(Errc::data_corruption, {words}, [&] { read(stream); });
  };
  for (const std::string name : {"", ".", "..", "a/b", "/", "/etc"}) {
    refused(root + entry(0, name) + end(2), "without a name");
  }
  refused(root + entry(0, std::string("a\0b", 3)) + end(2), "without a name");
  refused(root + entry(0, std::string(256, 'x')) + end(2), "without a name");
  refused(magic + entry(1, "name") + end(1), "root has a name");
  refused(magic + entry(3, "", "x") + end(1), "root is a hard link");
  refused(magic + entry(0, "") + entry(0, "b") + end(2), "outside of a folder");
  refused(root + record('L', "") + record('L', "") + end(1), "without a folder");
  refused(root + record('L', "") + entry(0, "x") + end(2), "outside of a folder");
  refused(root + entry(0, "x") + data(0, "x"), "not in its file");
  refused(root + entry(0, "x", "", 10) + data(5, "123456"), "not in its file");
  refused(root + entry(0, "x", "", 10) + data(5, "1") + data(5, "1"), "not in its file");
  refused(root + entry(0, "x", "", 10) + data(~0ULL, "12"), "not in its file");
  refused(root + entry(0, "x", "", 10) + data(0, ""), "not in its file");
  refused(root + data(0, "x"), "not in its file");
  refused(magic + data(0, "x") + entry(0, "") + end(1), "of no file");
  refused(root + entry(0, "x", "", 1ULL << 63) + end(2), "2^63");
  refused(root + entry(1, "x", "", 1) + end(2), "only files");
  refused(root + entry(2, "x", "") + end(2), "target");
  refused(root + entry(0, "x", "y") + end(2), "target");
  refused(root + entry(2, "x", std::string(4097, 'y')) + end(2), "too long");
  for (const std::string target : {"../x", "/etc/passwd", "a/../../b", "a//b", "."}) {
    refused(root + entry(3, "x", target) + end(2), "out of the tree");
  }
  refused(root + entry(8, "x") + end(2), "unknown kind");
  refused(root + record('?', "") + end(1), "unknown record");
  refused(root + record('X', be(1, 2) + "n"), "");
  refused(root + record('E', be(0, 10)) + end(1), "too short");
  refused(root + std::string("D\xff\xff\xff", 4), "a record of");
  refused(root + record('L', "") + end(2), "does not fit");
  refused(root + end(1), "does not fit");
  refused(magic + end(0), "does not fit");
  refused("vmktree2" + entry(1, ""), "not a tree");
  std::string deep = magic + entry(1, "");
  for (int i = 0; i < 256; ++i) deep += entry(1, "d");
  refused(deep, "too many folders");
  std::string fat = root + entry(0, "x");
  for (int i = 0; i < 20; ++i) fat += record('X', be(1, 2) + "n" + std::string(60'000, 'v'));
  refused(fat, "beyond what files have");
  std::string told = root;
  for (int i = 0; i < 3000; ++i) told += record('N', be(1, 2) + "x" + "\x1b[31m");
  MemorySource source{told + record('L', "") + end(1), 1000};
  TreeReader reader(source);
  while (reader.next() != nullptr) continue;
  CHECK(reader.notices().list.size() == 1000);
  CHECK(reader.notices().left_out == 2000);
  CHECK(reader.notices().list[0].what == "?[31m");
}

TEST_CASE("tree: the writer takes only what a reader accepts") {
  TextSink sink;
  TreeWriter writer(sink);
  const auto refused = [&](const TreeEntry& wrong) {
    check_error(Errc::invalid_argument, {"file transfer"}, [&] { writer.add(wrong); });
  };
  check_error(Errc::failed_precondition, {"root"}, [&] { writer.finish(); });
  refused({.path = "a"});
  writer.add({.path = "", .kind = FileKind::directory});
  refused({.path = ""});
  refused({.path = "../a"});
  refused({.path = "missing/a"});
  refused({.path = "l", .kind = FileKind::symlink});
  refused({.path = "l", .kind = FileKind::hard_link, .link_target = "/x"});
  refused({.path = "l", .permissions = 010000});
  refused({.path = "l", .modified = {0, 1'000'000'000}});
  writer.add({.path = "d", .kind = FileKind::directory});
  writer.add({.path = "e", .size = 5});
  refused({.path = "d/late"});
  const std::string six = "123456";
  check_error(Errc::invalid_argument, {"not in its file"},
              [&] { writer.write(0, std::as_bytes(std::span(six))); });
  writer.finish();
}

// As a host writes what a hostile guest sends.
CopyResult build_on_host(const std::string& stream, const std::filesystem::path& destination) {
  MemorySource source{stream, 1000};
  TreeReader reader(source);
  tree::BuildRules rules;
  rules.source_name = "name";
  return tree::build(
      reader,
      [](const std::string& path, int flags) { return ::open(path.c_str(), flags | O_CLOEXEC); },
      destination.native(), rules, [](std::uint64_t) {});
}

TEST_CASE("tree: a hostile guest writes nothing outside of the destination") {
  TempDir folder;
  folder.write("outside/file", "untouched");
  const auto target = folder.path() / "target";
  const auto attempt = [&](const std::string& stream) {
    try {
      build_on_host(stream, target);
    } catch (const Error&) {
    }
    CHECK(content_of(folder.path() / "outside/file") == "untouched");
    CHECK(count_entries(folder.path() / "outside") == 1);
    std::filesystem::remove_all(target);
    CHECK(count_entries(folder.path()) == 1);  // no temporary files either
  };
  const std::string to = (folder.path() / "outside").string();
  // A symlink, and then something through it under the same name.
  for (const std::string& link : {to, std::string("../outside"), std::string("../../outside")}) {
    attempt(root + entry(2, "x", link) + entry(1, "x") + entry(0, "file", "", 3) + data(0, "bad") +
            record('L', "") + record('L', "") + end(4));
    attempt(root + entry(2, "file", link + "/file") + entry(0, "file", "", 3) + data(0, "bad") +
            record('L', "") + end(3));
    attempt(root + entry(2, "x", link) + entry(3, "y", "x/file") + record('L', "") + end(3));
    // The same in a destination that exists, and with a link that was there before.
    std::filesystem::create_directory(target);
    std::filesystem::create_symlink(link, target / "x");
    attempt(root + entry(1, "x") + entry(0, "file", "", 3) + data(0, "bad") + record('L', "") +
            record('L', "") + end(3));
    std::filesystem::create_directories(target / "name");
    std::filesystem::create_symlink(link, target / "name/x");
    attempt(root + entry(1, "x") + entry(0, "file", "", 3) + data(0, "bad") + record('L', "") +
            record('L', "") + end(3));
    std::filesystem::create_directory(target);
    std::filesystem::create_symlink(link + "/file", target / "name");
    attempt(magic + entry(0, "", "", 3) + data(0, "bad") + end(1));
  }
  std::filesystem::create_directory(target);
  std::filesystem::create_hard_link(folder.path() / "outside/file", target / "name");
  attempt(magic + entry(0, "", "", 3) + data(0, "bad") + end(1));  // replaced, not written into
}

TEST_CASE("tree: devices and sockets of a guest are left out and told") {
  TempDir folder;
  const auto result = build_on_host(root + entry(4, "c") + entry(5, "b") + entry(7, "s") +
                                        entry(6, "fifo") + record('L', "") + end(5),
                                    folder.path() / "x");
  CHECK(count_entries(folder.path() / "x") == 1);
  REQUIRE(result.notices.list.size() == 3);
  CHECK(result.notices.list[0].what.find("not made on the host") != std::string::npos);
  check_error(Errc::unsupported, {"cannot be made"},
              [&] { build_on_host(magic + entry(4, "") + end(1), folder.path() / "y"); });
  CHECK(count_entries(folder.path()) == 1);
}

}  // namespace
