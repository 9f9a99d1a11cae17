// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <filesystem>

#include "os/file.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/netrc_credentials.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

struct NetrcFile {
  os::TemporaryDirectory folder = temporary_directory();
  std::filesystem::path path = folder.path() / "netrc";

  std::optional<Credential> find(const std::string& content,
                                 const std::string& registry = "r.example") const {
    os::write_file_atomically(path, content, 0600);
    return NetrcCredentials(path).find({registry, "team/app"}, {});
  }
};

const Credential user{"user", "secret"};

}  // namespace

TEST_CASE_FIXTURE(NetrcFile, "netrc: no file, no entry") {
  CHECK_FALSE(NetrcCredentials(path).find({"r.example"}, {}));
  CHECK_FALSE(find(""));
  CHECK_FALSE(find("\n \t\r\n"));
  CHECK_FALSE(find("# machine r.example login user password secret"));
  CHECK_FALSE(find("machine other.example login user password secret"));
  CHECK_FALSE(find("machine r.example login user"));
  CHECK_FALSE(find("machine r.example password secret"));
}

TEST_CASE_FIXTURE(NetrcFile, "netrc: entries in all ways to write them") {
  CHECK(find("machine r.example login user password secret") == user);
  CHECK(find("machine r.example\n\tlogin user\n\tpassword secret\n") == user);
  CHECK(find("machine\r\nr.example\r\nlogin\r\nuser\r\npassword\r\nsecret\r\n") == user);
  CHECK(find("machine r.example password secret account a login user") == user);
  CHECK(find("# c\nmachine r.example # c \"x\n login user\n#\npassword secret#x # end") ==
        Credential{"user", "secret#x"});
  CHECK(find("machine \"r.example\" login \"us er\" password \"a\\\"b\\\\c\\td\\ne\"") ==
        Credential{"us er", "a\"b\\c\td\ne"});
  // Outside of quotes a backslash is one, and quotes in a word are themselves.
  CHECK(find("machine r.example login us\\er password a\"b\\") == Credential{"us\\er", "a\"b\\"});
  CHECK(find("machine r.example login \"\" password secret") == Credential{"", "secret"});
  // A keyword as a value is a value.
  CHECK(find("machine r.example login machine password default") ==
        Credential{"machine", "default"});
}

TEST_CASE_FIXTURE(NetrcFile, "netrc: which entry counts") {
  const std::string two =
      "machine a.example login a password 1\n"
      "machine r.example login user password secret\n"
      "machine r.example login later password 2\n"
      "default login any password 3\n";
  CHECK(find(two) == user);
  CHECK(find(two, "a.example") == Credential{"a", "1"});
  CHECK(find(two, "other.example") == Credential{"any", "3"});
  CHECK(find("default login any password 3 " + two) == Credential{"any", "3"});
  CHECK(find("machine r.example login user\n" + two) == user);  // the first has no password
}

TEST_CASE_FIXTURE(NetrcFile, "netrc: names of registries") {
  const auto fits = [&](const std::string& machine, const std::string& registry) {
    return find("machine " + machine + " login user password secret", registry).has_value();
  };
  CHECK(fits("r.example", "r.example:5000"));
  CHECK(fits("r.example:5000", "r.example:5000"));
  CHECK(fits("R.Example", "r.example"));
  CHECK(fits("r.example", "R.example"));
  CHECK(fits("::1", "[::1]:5000"));
  CHECK(fits("[::1]:5000", "[::1]:5000"));
  CHECK(fits("docker.io", "docker.io"));
  CHECK(fits("index.docker.io", "docker.io"));
  CHECK(fits("registry-1.docker.io", "docker.io"));
  CHECK_FALSE(fits("r.example:5001", "r.example:5000"));
  CHECK_FALSE(fits("example", "r.example"));
  CHECK_FALSE(fits("r.example", "r.example.evil"));
  CHECK_FALSE(fits("docker.io", "ghcr.io"));
}

TEST_CASE_FIXTURE(NetrcFile, "netrc: macros are skipped") {
  CHECK(find("macdef init\ncd /pub\nmachine r.example login x password y\n\n"
             "machine r.example login user password secret") == user);
  CHECK(find("machine a.example login a password 1 macdef m\nput \"x\n\r\n"
             "machine r.example login user password secret") == user);
  CHECK_FALSE(find("macdef endless\nmachine r.example login user password secret\n"));
  CHECK_FALSE(find("macdef empty"));
}

TEST_CASE_FIXTURE(NetrcFile, "netrc: mistakes, by their line and without their words") {
  const auto check = [&](const std::string& content, std::string_view line,
                         std::string_view problem) {
    CAPTURE(content);
    check_error(Errc::data_corruption, {path.string(), line, problem}, [&] { find(content); });
    try {
      find(content);
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
    }
  };
  check("machine r.example\nlogin user secret password x", "line 2:", "found something else");
  check("secret", "line 1:", "found something else");
  check("login user password secret", "line 1:", "found something else");
  check("\n\nmachine r.example login user password", "line 3:", "a value after \"password\"");
  check("machine", "line 1:", "a value after \"machine\"");
  check("machine r.example password \"secret\nlogin user", "line 1:", "closing \"");
  check("machine r.example password \"secret\\", "line 1:", "closing \"");
  check("\"\" machine r.example login user password secret", "line 1:", "found something else");
  check_error(Errc::resource_exhausted, {path.string()},
              [&] { find(std::string(1'100'000, ' ')); });
}
