// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <thread>

#include "os/file.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/docker_config_credentials.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

/// A config.json, and a folder of helpers, which are shell scripts.
struct Helpers {
  os::TemporaryDirectory folder = temporary_directory();
  std::filesystem::path config = folder.path() / "config.json";
  CredentialHelperOptions options{.path = "/nowhere:" + folder.path().string() + ":/usr/bin:/bin"};

  Helpers() { write_config(R"({"credsStore":"x"})"); }

  void write_config(const std::string& content) const {
    os::write_file_atomically(config, content, 0600);
  }
  void write_helper(const std::string& name, const std::string& script) const {
    os::write_file_atomically(folder.path() / ("docker-credential-" + name),
                              "#!/bin/sh\n" + script + "\n", 0755);
  }
  std::optional<Credential> find(const std::string& registry = "r.example",
                                 const CallOptions& call = {}) const {
    return DockerConfigCredentials(config, options).find({registry, "team/app"}, call);
  }
  std::string said(const std::string& file) const {
    return os::read_file(folder.path() / file, 1_KiB);
  }
};

const std::string answer = R"(echo '{"ServerURL":"s","Username":"user","Secret":"secret"}')";

}  // namespace

TEST_CASE_FIXTURE(Helpers, "credential helper: it is asked as Docker asks it") {
  write_helper("x", "cat > \"$0.in\"; echo \"$@\" > \"$0.args\"; " + answer);
  CHECK(find() == Credential{"user", "secret"});
  CHECK(said("docker-credential-x.in") == "r.example");
  CHECK(said("docker-credential-x.args") == "get\n");
  CHECK(find("docker.io") == Credential{"user", "secret"});
  CHECK(said("docker-credential-x.in") == "https://index.docker.io/v1/");
}

TEST_CASE_FIXTURE(Helpers, "credential helper: an identity token") {
  write_helper("x", R"(echo '{"Username":"<token>","Secret":"secret"}')");
  CHECK(find() == Credential{.identity_token = "secret"});
}

TEST_CASE_FIXTURE(Helpers,
                  "credential helper: the one for the registry, the one for all, the file") {
  write_helper("x", R"(echo '{"Username":"store","Secret":"s"}')");
  write_helper("own.Helper_2-a", R"(echo '{"Username":"own","Secret":"s"}')");
  write_helper("none", "echo 'credentials not found in native keychain'; exit 1");
  const std::string rest = R"("auths":{"r.example":{"username":"file","password":"p"},
                                       "docker.io":{"username":"hub","password":"p"}}})";
  write_config(R"({"credHelpers":{"r.example":"own.Helper_2-a"},"credsStore":"x",)" + rest);
  CHECK(find()->username == "own");
  CHECK(find("other.example")->username == "store");
  write_config(R"({"credHelpers":{"r.example":"none"},"credsStore":"x",)" + rest);
  CHECK(find()->username == "store");
  write_config(R"({"credHelpers":{"https://r.example":"own.Helper_2-a"},"credsStore":"none",)" +
               rest);
  CHECK(find()->username == "own");
  CHECK(find("docker.io")->username == "hub");
  CHECK_FALSE(find("other.example"));
  write_config(R"({"credHelpers":{"https://index.docker.io/v1/":"own.Helper_2-a"}})");
  CHECK(find("docker.io")->username == "own");
}

TEST_CASE_FIXTURE(Helpers, "credential helper: its environment is what the caller gives") {
  write_helper("x", "/usr/bin/env > \"$0.env\"; " + answer);
  find();
  CHECK(said("docker-credential-x.env").find("PATH=" + options.path) != std::string::npos);
  CHECK(said("docker-credential-x.env").find("HOME=") == std::string::npos);
  options.environment = {"HOME=/somewhere", "A=b"};
  find();
  CHECK(said("docker-credential-x.env").find("HOME=/somewhere\n") != std::string::npos);
  CHECK(said("docker-credential-x.env").find("A=b\n") != std::string::npos);
}

TEST_CASE_FIXTURE(Helpers, "credential helper: none there, not a program, a bad name") {
  check_error(Errc::not_found, {config.string(), "credsStore", "docker-credential-x", "/nowhere"},
              [&] { find(); });
  os::write_file_atomically(folder.path() / "docker-credential-x", "#!/bin/sh\n", 0644);
  check_error(Errc::not_found, {"docker-credential-x"}, [&] { find(); });
  for (const char* bad : {"../x", "a/b", "/bin/sh", "a b", "a;b", "-\\u0000"}) {
    CAPTURE(bad);
    write_config("{\"credHelpers\":{\"r.example\":\"" + std::string(bad) + "\"}}");
    check_error(Errc::data_corruption, {config.string(), "credHelpers.r.example"}, [&] { find(); });
  }
}

TEST_CASE_FIXTURE(Helpers, "credential helper: what it says wrongly, and never the secret") {
  const auto check = [&](Errc code, std::initializer_list<std::string_view> words,
                         const std::string& script) {
    CAPTURE(script);
    write_helper("x", script);
    check_error(code, words, [&] { find(); });
    try {
      find();
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
    }
  };
  check(Errc::unavailable, {"credsStore", "docker-credential-x", "r.example", "status 3"},
        answer + "; echo secret >&2; exit 3");
  check(Errc::unavailable, {"docker-credential-x", "signal 9"}, "echo secret; kill -9 $$");
  check(Errc::data_corruption, {"docker-credential-x", "not valid JSON"}, "echo secret");
  check(Errc::data_corruption, {"docker-credential-x", "not valid JSON"}, "exit 0");
  check(Errc::data_corruption, {"expected an object"}, "echo '[\"secret\"]'");
  check(Errc::data_corruption, {"Secret: expected a string, found nothing"},
        "echo '{\"Username\":\"secret\"}'");
  check(Errc::data_corruption, {"Username: expected a string"},
        "echo '{\"Username\":{\"secret\":1},\"Secret\":\"secret\"}'");
  check(Errc::resource_exhausted, {"docker-credential-x", "64 KiB"},
        "while :; do echo secretsecretsecretsecret; done");
  write_helper("x", "echo '{\"Username\":\"\",\"Secret\":\"\"}'");
  CHECK_FALSE(find());
  write_helper("x", "echo 'credentials not found in native keychain' >&2; exit 1");
  CHECK_FALSE(find());
}

TEST_CASE_FIXTURE(Helpers, "credential helper: one that hangs is ended, with all that it started") {
  write_helper("x", "(sleep 1; touch \"$0.alive\") & sleep 60");
  const auto begin = std::chrono::steady_clock::now();
  SUBCASE("by its time limit") {
    options.time_limit = 300ms;
    check_error(Errc::timeout, {"credsStore", "docker-credential-x", "within 300 ms"},
                [&] { find(); });
    std::this_thread::sleep_for(1s);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "docker-credential-x.alive"));
  }
  SUBCASE("by the caller's deadline") {
    check_error(Errc::timeout, {"deadline"},
                [&] { find("r.example", CallOptions{}.with_timeout(300ms)); });
  }
  SUBCASE("by a stop") {
    StopSource source;
    std::thread stopper([&] {
      std::this_thread::sleep_for(300ms);
      source.request_stop();
    });
    check_error(Errc::cancelled, {"docker-credential-x"},
                [&] { find("r.example", {.stop = source.token()}); });
    stopper.join();
  }
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}
