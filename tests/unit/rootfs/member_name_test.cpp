// SPDX-License-Identifier: Apache-2.0
#include "rootfs/member_name.hpp"

#include <doctest/doctest.h>
#include <string>

#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::rootfs;

namespace {

/// "plain a/b": the kind and the cleaned path.
std::string parsed(std::string_view name) {
  const MemberName result = parse_member_name(name);
  static constexpr const char* kinds[] = {"plain", "whiteout", "opaque", "metadata"};
  std::string text = kinds[static_cast<int>(result.kind)];
  if (result.kind == MemberKind::metadata) return text;
  text += ' ';
  for (const std::string_view component : result.parent) text += std::string(component) + "/";
  if (result.kind != MemberKind::opaque) text += result.base;
  return text;
}

void check_refused(std::string_view name, const std::string& words) {
  try {
    parse_member_name(name);
    FAIL("expected data_corruption for " << name);
  } catch (const Error& error) {
    CHECK(error.code() == Errc::data_corruption);
    CAPTURE(error.what());
    CHECK(std::string(error.what()).find(words) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("member name: cleaned, and never above the root") {
  CHECK(parsed("a/b") == "plain a/b");
  CHECK(parsed("./a//b/./c/") == "plain a/b/c");
  CHECK(parsed("/etc/passwd") == "plain etc/passwd");
  CHECK(parsed("../../etc/passwd") == "plain etc/passwd");
  CHECK(parsed("a/../../b") == "plain b");
  CHECK(parsed("a/..") == "plain ");
  CHECK(parsed("./") == "plain ");
  CHECK(parsed("/") == "plain ");
  CHECK(parsed("...") == "plain ...");
}

TEST_CASE("member name: whiteouts, opaque markers and metadata") {
  CHECK(parsed("a/.wh.b") == "whiteout a/b");
  CHECK(parsed("./.wh.b") == "whiteout b");
  CHECK(parsed("a/.wh..b") == "whiteout a/.b");
  CHECK(parsed("a/.wh..wh..opq") == "opaque a/");
  CHECK(parsed(".wh..wh..opq") == "opaque ");
  CHECK(parsed(".wh..wh.plnk") == "metadata");
  CHECK(parsed(".wh..wh.plnk/123.456") == "metadata");
  CHECK(parsed("a/.wh..wh.aufs") == "metadata");
  CHECK(parsed("a.wh.b") == "plain a.wh.b");
  CHECK(parsed(".whiteout") == "plain .whiteout");
}

TEST_CASE("member name: nonsense is refused") {
  check_refused("", "an empty name");
  check_refused("a/.wh.", "a whiteout of no name");
  check_refused("a/.wh..", "a whiteout of no name");
  check_refused("a/.wh...", "a whiteout of no name");
  check_refused(".wh.a/b", "a whiteout has nothing below it");
  check_refused("a/" + std::string(256, 'x'), "longer than 255 bytes");
  check_refused(std::string(4096, '/') + "a", "longer than 4095 bytes");
  CHECK(parsed(std::string(255, 'x')) == "plain " + std::string(255, 'x'));
}

TEST_CASE("member name: messages hold no control characters and end") {
  CHECK(printable("a\x1b[31m\n") == "\"a?[31m?\"");
  CHECK(printable(std::string(5000, 'x')).size() < 300);
}
