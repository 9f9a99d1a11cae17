// SPDX-License-Identifier: Apache-2.0
// The agent's look-up of users, compiled into the test.
#include "users.hpp"

#include <doctest/doctest.h>
#include <string>

#include "rpc_error.hpp"

namespace {

using namespace vmkit::guest;

constexpr const char* passwd =
    "# comment\n"
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken line\n"
    "web:x:1000:1001:Web,,,:/srv/web:/bin/sh\n"
    "1234:x:7:8::/numeric:\n"
    "nohome:x:50:60::\n"
    "web:x:9999:9999::/second:\n";
constexpr const char* group =
    "root:x:0:\n"
    "web:x:1001:\n"
    "audio:x:29:alice,web\n"
    "video:x:44:web,bob\n"
    "webmasters:x:45:webby\n"
    "5:x:77:\n";

std::string show(const std::string& user) {
  try {
    const UserIds ids = find_user(user, {}, passwd, group);
    std::string text = std::to_string(ids.uid) + ":" + std::to_string(ids.gid) + " " + ids.home;
    for (const gid_t id : ids.groups) text += " " + std::to_string(id);
    return text;
  } catch (const RpcError& error) {
    CHECK(error.code == vmkit::agent::protocol::bad_user);
    return error.message;
  }
}

TEST_CASE("users are found by name, number and group") {
  CHECK(show("root") == "0:0 /root");
  CHECK(show("web") == "1000:1001 /srv/web 29 44");
  CHECK(show("1000") == "1000:1001 /srv/web 29 44");
  CHECK(show("web:audio") == "1000:29 /srv/web");
  CHECK(show("web:4000") == "1000:4000 /srv/web");
  CHECK(show("555") == "555:0 /");
  CHECK(show("555:666") == "555:666 /");
  CHECK(show("555:video") == "555:44 /");
  CHECK(show("nohome") == "50:60 /");
  CHECK(show("web:") == "1000:1001 /srv/web 29 44");
}

TEST_CASE("a name wins over a number") {
  CHECK(show("1234") == "7:8 /numeric");
  CHECK(show("web:5") == "1000:77 /srv/web");
}

TEST_CASE("what is neither name nor number is an error") {
  CHECK(show("nobody").find("user \"nobody\" is not in the image's /etc/passwd") == 0);
  CHECK(show("web:nogroup").find("group \"nogroup\" is not in the image's /etc/group") == 0);
  CHECK(show("-1").find("user \"-1\"") == 0);
  CHECK(show("4294967295").find("user \"4294967295\"") == 0);  // means "no change" to the kernel
  CHECK(show("99999999999").find("user \"99999999999\"") == 0);
  CHECK(show(":0").find("user \"\"") == 0);
}

TEST_CASE("files may be missing or hostile") {
  CHECK(find_user("0", {}, "", "").uid == 0);
  std::string many;
  for (int i = 0; i < 5000; ++i)
    many += "g" + std::to_string(i) + ":x:" + std::to_string(i) + ":web\n";
  CHECK(find_user("web", {}, passwd, many).groups.size() == 1024);
  const std::string colons(1'000'000, ':');
  CHECK_THROWS_AS(find_user("web", {}, colons, colons), RpcError);
}

}  // namespace
