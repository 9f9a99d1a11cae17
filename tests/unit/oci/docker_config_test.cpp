// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <filesystem>

#include "os/file.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/docker_config_credentials.hpp>
#include <vmkit/oci/reference.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

struct ConfigFile {
  os::TemporaryDirectory folder = temporary_directory();
  std::filesystem::path path = folder.path() / "config.json";

  void write(const std::string& content) const { os::write_file_atomically(path, content, 0600); }
  std::optional<Credential> find(const std::string& image) const {
    const auto reference = Reference::parse(image);
    return DockerConfigCredentials(path).find({reference.registry(), reference.repository()}, {});
  }
  void check_bad(const std::string& content, std::initializer_list<std::string_view> words) const {
    CAPTURE(content);
    write(content);
    check_error(Errc::data_corruption, words, [&] { find("r.example/app"); });
    check_error(Errc::data_corruption, {path.string()}, [&] { find("r.example/app"); });
  }
};

const Credential user{"user", "secret"};
// printf user:secret | base64
const std::string auth = R"({"auth":"dXNlcjpzZWNyZXQ="})";

}  // namespace

TEST_CASE_FIXTURE(ConfigFile, "docker config: no file, an empty one, an empty entry: none") {
  CHECK_FALSE(find("alpine"));
  for (const char* content :
       {"{}", R"({"auths":{}})", R"({"auths":{"r.example":{}}})", R"({"auths":{"r.example":null}})",
        R"({"auths":null})", R"({"credsStore":"","auths":{"r.example":{"auth":""}}})"}) {
    write(content);
    CHECK_FALSE(find("r.example/app"));
  }
}

TEST_CASE_FIXTURE(ConfigFile, "docker config: the forms of an entry") {
  const auto entry = [&](const std::string& text) {
    write("{\"auths\":{\"r.example\":" + text + "},\"HttpHeaders\":{\"a\":\"b\"}}");
    return find("r.example/app");
  };
  CHECK(entry(auth) == user);
  CHECK(entry(R"({"username":"user","password":"secret"})") == user);
  // printf 'user:se:cr:et' | base64; printf 'user:secret\0\0' | base64; printf 'user:' | base64
  CHECK(entry(R"({"auth":"dXNlcjpzZTpjcjpldA=="})") == Credential{"user", "se:cr:et"});
  CHECK(entry(R"({"auth":"dXNlcjpzZWNyZXQAAA=="})") == user);
  CHECK_FALSE(entry(R"({"auth":"dXNlcjo="})"));
  CHECK(entry(R"({"auth":"dXNlcjo=","identitytoken":"I"})") == Credential{"user", "", "I"});
  // What Docker writes itself wins over the rest.
  CHECK(entry(R"({"auth":"dXNlcjpzZWNyZXQ=","username":"x","password":"y","email":"z"})") == user);
}

TEST_CASE_FIXTURE(ConfigFile, "docker config: Docker Hub by all its names") {
  for (const char* key : {"https://index.docker.io/v1/", "index.docker.io", "docker.io",
                          "https://index.docker.io/v2/", "http://docker.io", "index.docker.io/v1/",
                          "registry-1.docker.io", "docker.io/"}) {
    CAPTURE(key);
    write("{\"auths\":{\"" + std::string(key) + "\":" + auth + "}}");
    CHECK(find("alpine") == user);
    CHECK(find("docker.io/team/app") == user);
    CHECK_FALSE(find("r.example/app"));
  }
}

TEST_CASE_FIXTURE(ConfigFile, "docker config: keys with a scheme, a port, a path") {
  struct Case {
    const char* key;
    const char* image;
    bool fits;
  };
  for (const Case& one : std::initializer_list<Case>{
           {"https://r.example", "r.example/app", true},
           {"https://r.example/v1/", "r.example/app", true},
           {"http://r.example/any/path", "r.example/app", true},
           {"r.example/v2/", "r.example/app", true},
           {"r.example:5000", "r.example:5000/app", true},
           {"https://r.example:5000/v2/", "r.example:5000/app", true},
           {"r.example", "r.example:5000/app", false},
           {"r.example:5000", "r.example/app", false},
           {"example", "r.example/app", false},
           {"r.example.evil", "r.example/app", false},
           {"user:pw@r.example", "r.example/app", false},
           {"r.example/team", "r.example/team/app", true},
           {"r.example/team", "r.example/team", true},
           {"r.example/team", "r.example/teams/app", false},
           {"r.example/team", "r.example/app", false},
           {"r.example/te", "r.example/team/app", false},
           {"docker.io/library/alpine", "alpine", true},
           {"docker.io/library/alpine", "debian", false},
       }) {
    CAPTURE(one.key);
    CAPTURE(one.image);
    write("{\"auths\":{\"" + std::string(one.key) + "\":" + auth + "}}");
    CHECK(find(one.image).has_value() == one.fits);
  }
}

TEST_CASE_FIXTURE(ConfigFile, "docker config: the longest part of the repository's name counts") {
  write(R"({"auths":{
    "r.example":           {"username":"host","password":"p"},
    "https://r.example/x": {"username":"address","password":"p"},
    "r.example/a":         {"username":"a","password":"p"},
    "r.example/a/b/c":     {},
    "r.example/a/b":       {"username":"ab","password":"p"}}})");
  CHECK(find("r.example/a/b/c")->username == "ab");  // an empty entry is as good as none
  CHECK(find("r.example/a/b")->username == "ab");
  CHECK(find("r.example/a/x")->username == "a");
  CHECK(find("r.example/x")->username == "host");
  CHECK(DockerConfigCredentials(path).find({"r.example"}, {})->username == "host");
}

TEST_CASE_FIXTURE(ConfigFile,
                  "docker config: hostile files, and no secret in what is said of them") {
  check_bad("", {"not valid JSON"});
  check_bad("[]", {"expected an object"});
  check_bad("{\"auths\":{\"r.example\":" + auth, {"not valid JSON at byte"});
  check_bad("{\"auths\":[]}", {"auths: expected an object"});
  check_bad(R"({"auths":{"r.example":"c2VjcmV0"}})", {"auths.r.example: expected an object"});
  check_bad(R"({"auths":{"r.example":{"auth":7}}})", {"auths.r.example.auth: expected a string"});
  check_bad(R"({"credsStore":[]})", {"credsStore: expected a string"});
  check_bad(R"({"a":1,"a":2})", {"duplicate JSON key"});
  check_bad(std::string(100'000, '['), {"nested deeper"});
  for (const char* bad :
       {"!!!!", "dXNlcjpzZWNyZXQ", "dXNlcjpzZWNyZXR=", "c2VjcmV0", "====", "dXNl cjpzZWNyZXQ="}) {
    const std::string content =
        "{\"auths\":{\"r.example\":{\"auth\":\"" + std::string(bad) + "\"}}}";
    check_bad(content, {"auths.r.example.auth: expected base64 of a user name"});
    try {
      find("r.example/app");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find(bad) == std::string::npos);
    }
    // Another registry's entry is nobody's business.
    CHECK_FALSE(find("other.example/app"));
  }
  write(std::string(1'100'000, ' '));
  check_error(Errc::resource_exhausted, {path.string()}, [&] { find("r.example/app"); });
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK_THROWS_AS(find("r.example/app"), Error);
}
