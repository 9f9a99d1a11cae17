// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <doctest/doctest.h>
#include <vector>

#include "support/errors.hpp"
#include "support/memory_source.hpp"
#include "support/tar_text.hpp"

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/archive/tar_writer.hpp>

using namespace vmkit;
using namespace vmkit::archive;
using namespace vmkit::test;

namespace {

class TextSink final : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  std::string text;
};

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string archive_of(const TarEntry& entry, std::string_view data = {}) {
  TextSink sink;
  TarWriter writer(sink);
  writer.add(entry);
  writer.write(bytes(data));
  writer.finish();
  return sink.text;
}

}  // namespace

TEST_CASE("tar writer: what ustar holds is ustar, byte for byte") {
  const std::string data(600, 'x');
  const std::string written = archive_of({.path = "a/b",
                                          .permissions = 0640,
                                          .uid = 7,
                                          .gid = 8,
                                          .mtime = {.seconds = 1'600'000'000},
                                          .size = data.size()},
                                         data);
  CHECK(written ==
        tar_member({.name = "a/b", .data = data, .mode = 0640, .uid = 7, .gid = 8}) + tar_end());
}

TEST_CASE("tar writer: the reader gives back what was written") {
  const std::string longer(150, 'n');
  const std::vector<TarEntry> entries = {
      {.path = "folder/", .type = EntryType::directory, .permissions = 01755},
      {.path = "folder/" + longer, .permissions = 04755, .uid = 4'000'000'000, .gid = 3'000'000},
      {.path = "link", .type = EntryType::symlink, .link_target = longer + "/" + longer},
      {.path = "hard", .type = EntryType::hardlink, .link_target = "folder/" + longer},
      {.path = "null", .type = EntryType::character_device, .device_major = 1, .device_minor = 3},
      {.path = "disk", .type = EntryType::block_device, .device_major = 259, .device_minor = 65536},
      {.path = "fifo", .type = EntryType::fifo, .mtime = {.seconds = 1, .nanoseconds = 5}},
      {.path = "old", .mtime = {.seconds = -2}},
      {.path = "far", .mtime = {.seconds = std::int64_t{1} << 40}},
      {.path = "n\xc3\xa4me", .mtime = {.seconds = 8'589'934'591}},
  };
  TextSink sink;
  TarWriter writer(sink);
  for (const TarEntry& entry : entries) writer.add(entry);
  writer.finish();
  CHECK(sink.text.size() % 512 == 0);

  MemorySource source(sink.text);
  TarReader reader(source);
  for (const TarEntry& expected : entries) {
    CAPTURE(expected.path);
    const TarEntry* found = reader.next();
    REQUIRE(found != nullptr);
    CHECK(found->path == expected.path);
    CHECK(found->type == expected.type);
    CHECK(found->link_target == expected.link_target);
    CHECK(found->permissions == expected.permissions);
    CHECK(found->uid == expected.uid);
    CHECK(found->gid == expected.gid);
    CHECK(found->mtime.seconds == expected.mtime.seconds);
    CHECK(found->mtime.nanoseconds == expected.mtime.nanoseconds);
    CHECK(found->device_major == expected.device_major);
    CHECK(found->device_minor == expected.device_minor);
  }
  CHECK(reader.next() == nullptr);
}

TEST_CASE("tar writer: a file above 8 GiB has its size in a record") {
  TextSink sink;
  TarWriter writer(sink);
  writer.add({.path = "large", .size = std::uint64_t{9} << 30});
  MemorySource source(sink.text);
  TarReader reader(source);
  CHECK(reader.next()->size == std::uint64_t{9} << 30);
  check_error(Errc::failed_precondition, {"\"large\"", "9663676416 bytes", "missing"},
              [&] { writer.finish(); });
}

TEST_CASE("tar writer: times, extended attributes and holes come back") {
  const TarEntry expected = {
      .path = "folder/" + std::string(120, 'n'),
      .mtime = {.seconds = 5, .nanoseconds = 6},
      .atime = Timestamp{.seconds = 7, .nanoseconds = 800'000'000},
      .ctime = Timestamp{.seconds = 9, .nanoseconds = 1},
      .size = 1'000'000,
      .xattrs = {{"security.capability", std::string("\0\1=\n\xff", 5)}, {"user.empty", ""}}};
  const std::vector<std::vector<TarPiece>> maps = {
      {}, {{0, 10}}, {{5, 3}, {4096, 5000}, {999'990, 10}}, {{100, 1}, {101, 1}}};
  TextSink sink;
  TarWriter writer(sink);
  for (const auto& pieces : maps) {
    writer.add_sparse(expected, pieces);
    for (const TarPiece& piece : pieces) writer.write(bytes(std::string(piece.length, 'd')));
  }
  writer.finish();
  MemorySource source(sink.text);
  TarReader reader(source);
  for (const auto& pieces : maps) {
    std::string content(expected.size, '\0');
    for (const TarPiece& piece : pieces)
      content.replace(piece.offset, piece.length, piece.length, 'd');
    const TarEntry* found = reader.next();
    REQUIRE(found != nullptr);
    CHECK(found->path == expected.path);
    CHECK(found->size == expected.size);
    CHECK(found->mtime.nanoseconds == 6);
    CHECK(found->atime->seconds == 7);
    CHECK(found->atime->nanoseconds == 800'000'000);
    CHECK(found->ctime->nanoseconds == 1);
    REQUIRE(found->xattrs.size() == 2);
    CHECK(found->xattrs[0].value == expected.xattrs[0].value);
    CHECK(found->xattrs[1].name == "user.empty");
    std::string read(expected.size, '\0');
    std::uint64_t length = 0;
    while (const auto block = reader.read_block()) {
      std::memcpy(read.data() + block->offset, block->data.data(), block->data.size());
      length += block->data.size();
    }
    CHECK((read == content));
    CHECK(length < 10'000);
  }
  CHECK(reader.next() == nullptr);
}

TEST_CASE("tar writer: what it refuses") {
  TextSink sink;
  TarWriter writer(sink);
  check_error(Errc::invalid_argument, {"without a name"}, [&] { writer.add({.path = ""}); });
  check_error(Errc::invalid_argument, {"NUL"},
              [&] { writer.add({.path = std::string("a\0b", 3)}); });
  check_error(Errc::unsupported, {"\"a\"", "extended attribute"}, [&] {
    writer.add({.path = "a", .xattrs = {{"user.x=y", "1"}}});
  });
  check_error(Errc::invalid_argument, {"\"a\"", "pieces"}, [&] {
    writer.add_sparse({.path = "a", .size = 10}, std::vector<TarPiece>{{8, 3}});
  });
  check_error(Errc::unsupported, {"device number"}, [&] {
    writer.add({.path = "a", .type = EntryType::block_device, .device_major = 1u << 30});
  });
  CHECK(sink.text.empty());
  writer.add({.path = "a", .size = 3});
  writer.write(bytes("12"));
  check_error(Errc::failed_precondition, {"\"a\": 1 bytes"}, [&] { writer.add({.path = "b"}); });
  check_error(Errc::invalid_argument, {"\"a\"", "more data"}, [&] { writer.write(bytes("34")); });
}
