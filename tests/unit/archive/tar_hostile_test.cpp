// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <random>
#include <string>

#include "support/memory_source.hpp"
#include "support/tar_text.hpp"

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::archive;
using namespace vmkit::test;

namespace {

/// Reads all there is; how many entries.
std::size_t walk(Source& source) {
  TarReader reader(source);
  std::size_t entries = 0;
  while (reader.next() != nullptr) {
    ++entries;
    while (reader.read_block()) continue;
  }
  return entries;
}

std::size_t walk(const std::string& tar) {
  MemorySource source(tar);
  return walk(source);
}

void check_corrupt(const std::string& tar, const std::string& words = {}) {
  try {
    walk(tar);
    FAIL("expected data_corruption");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::data_corruption);
    CHECK(std::string(error.what()).find("garbled tar archive before byte") == 0);
    CAPTURE(error.what());
    CHECK(std::string(error.what()).find(words) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("tar hostile: nothing, and nothing but an end, are empty archives") {
  CHECK(walk("") == 0);
  CHECK(walk(tar_end()) == 0);
  CHECK(walk(tar_member({.name = "a"})) == 1);  // no end mark
}

TEST_CASE("tar hostile: other formats and noise are refused") {
  check_corrupt("PK\3\4" + std::string(2000, 'x'));
  check_corrupt("070701" + std::string(2000, '0'));
  check_corrupt(std::string(5000, 'x'));
  check_corrupt("x");
}

TEST_CASE("tar hostile: truncated inside of a header or of data") {
  const std::string tar = tar_member({.name = "a", .data = std::string(2000, 'a')}) +
                          pax_header({{"path", "b"}}) +
                          tar_member({.name = "x", .data = std::string(700, 'b')}) + tar_end();
  const std::size_t second = 512 + 2048;
  for (std::size_t length = 1; length < tar.size() - 1024; ++length) {
    if (length == second) continue;  // between two members: an archive without an end mark
    // The padding after the data is not missed by libarchive when it is the very end.
    const std::size_t data_end = second + 1024 + 512 + 700;
    if (length >= data_end) continue;
    CAPTURE(length);
    check_corrupt(tar.substr(0, length));
  }
}

TEST_CASE("tar hostile: a header whose checksum is wrong") {
  std::string tar = tar_member({.name = "a"}) + tar_member({.name = "b"}) + tar_end();
  tar[512] = 'c';
  check_corrupt(tar, "\"a\"");
}

TEST_CASE("tar hostile: ids and records out of range") {
  check_corrupt(pax_header({{"uid", "4294967296"}}) + tar_member({.name = "a"}) + tar_end(),
                "uid 4294967296 is out of range");
  check_corrupt(pax_header({{"gid", "-1"}}) + tar_member({.name = "a"}) + tar_end());
  // A record whose length leads out of the header.
  std::string body = "9999 path=x\n";
  check_corrupt(tar_member({.name = "p", .type = 'x', .data = body}) + tar_member({.name = "a"}) +
                tar_end());
}

TEST_CASE("tar hostile: headers without end are cut off") {
  std::string many;
  for (int i = 0; i < 4000; ++i) {
    many += tar_member({.name = "././@LongLink", .type = 'L', .data = std::string(600, 'n')});
  }
  check_corrupt(many + tar_member({.name = "a"}) + tar_end());
  std::string global;
  for (int i = 0; i < 20'000; ++i) global += tar_member({.name = "g", .type = 'g'});
  check_corrupt(global + tar_member({.name = "a"}) + tar_end());
  check_corrupt(tar_member({.name = "x", .type = 'x', .data = std::string(5 << 20, 'x')}) +
                tar_member({.name = "a"}) + tar_end());
}

TEST_CASE("tar hostile: a huge size is not believed") {
  check_corrupt(tar_header({.name = "a", .size = 0777'7777'7777LL}) + std::string(4096, 'x'));
  check_corrupt(pax_header({{"size", "9223372036854775807"}}) + tar_member({.name = "a"}) +
                std::string(4096, 'x'));
}

TEST_CASE("tar hostile: an error of the source is that error, never an end") {
  struct Failing final : Source {
    explicit Failing(std::string text, std::size_t fails_after)
        : inner(text.substr(0, fails_after)) {}
    MemorySource inner;
    std::size_t read(std::span<std::byte> buffer) override {
      const std::size_t count = inner.read(buffer);
      if (count == 0) throw Error(Errc::unavailable, "the line went dead");
      return count;
    }
  };
  const std::string tar = tar_member({.name = "a", .data = std::string(1500, 'a')}) +
                          tar_member({.name = "b"}) + tar_end();
  for (std::size_t length = 0; length <= tar.size(); length += 256) {
    CAPTURE(length);
    Failing source(tar, length);
    try {
      walk(source);
      FAIL("expected an error");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::unavailable);
    }
  }
}

TEST_CASE("tar hostile: random damage gives entries or data_corruption, and ends") {
  std::string tar;
  tar += pax_header({{"path", std::string(300, 'p')},
                     {"SCHILY.xattr.user.a", "value"},
                     {"mtime", "1600000000.5"}});
  tar += tar_member({.name = "x", .data = std::string(3000, 'd')});
  tar += tar_member({.name = "././@LongLink", .type = 'L', .data = std::string(200, 'n')});
  tar += tar_member({.name = "n", .type = '2', .link = "target"});
  tar += pax_header({{"GNU.sparse.major", "1"},
                     {"GNU.sparse.minor", "0"},
                     {"GNU.sparse.name", "sparse"},
                     {"GNU.sparse.realsize", "100000"}});
  tar += tar_member({.name = "GNUSparseFile/sparse",
                     .data = padded("2\n0\n512\n65536\n512\n") + std::string(1024, 's')});
  tar += tar_end();
  CHECK(walk(tar) == 3);
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = tar;
    for (unsigned i = 0; i < 1 + random() % 4; ++i) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    try {
      walk(damaged);
    } catch (const Error& error) {
      CHECK(error.code() == Errc::data_corruption);
    }
  }
}

TEST_CASE("tar hostile: records that libarchive takes long for are refused") {
  std::string acl = "user::rw-";
  for (int i = 0; i < 60'000; ++i) acl += ",user:a:r:" + std::to_string(i);
  const auto begin = std::chrono::steady_clock::now();
  check_corrupt(pax_header({{"SCHILY.acl.access", acl}}) + tar_member({.name = "a"}), "128 KiB");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

TEST_CASE("tar hostile: a name in a message is shown harmless") {
  const std::string tar = tar_member({.name = "bell\a\x1b[2J"}) + std::string(600, 'x');
  check_corrupt(tar, "\"bell??[2J\"");
}
