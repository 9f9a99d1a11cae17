// SPDX-License-Identifier: Apache-2.0
#include "container/process_options.hpp"

#include <doctest/doctest.h>

#include "support/errors.hpp"

#include <vmkit/container/container.hpp>

using namespace vmkit;
using Strings = std::vector<std::string>;

TEST_CASE("process options: the command is made as Docker does it") {
  oci::ImageConfig config;
  test::check_error(Errc::invalid_argument, {"Entrypoint", "Cmd"},
                    [&] { container::command_of(config); });
  CHECK(container::command_of(config, {"a", "b"}) == Strings{"a", "b"});
  config.cmd = {"default"};
  CHECK(container::command_of(config) == Strings{"default"});
  config.entrypoint = {"/entry", "-x"};
  CHECK(container::command_of(config) == Strings{"/entry", "-x", "default"});
  CHECK(container::command_of(config, {"mine"}) == Strings{"/entry", "-x", "mine"});
}

TEST_CASE("process options: the image's values, and the caller's in their place") {
  oci::ImageConfig config;
  config.cmd = {"run"};
  config.env = {"A=1", "B=2"};
  config.user = "app";
  config.working_dir = "/srv";
  const auto plain = container::resolve({}, config);
  CHECK(plain.args == Strings{"run"});
  CHECK(plain.env ==
        Strings{"A=1", "B=2", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"});
  CHECK(plain.user == "app");
  CHECK(plain.working_directory == "/srv");
  const auto own = container::resolve(
      {.args = {"x"}, .env = {"B=", "C=a=b", "PATH=/bin"}, .working_directory = "/", .user = ""},
      config);
  CHECK(own.args == Strings{"x"});
  CHECK(own.env == Strings{"A=1", "B=", "C=a=b", "PATH=/bin"});
  CHECK(own.user.empty());
  CHECK(own.working_directory == "/");
}

TEST_CASE("process options: a variable without a name or value is refused") {
  oci::ImageConfig config;
  config.cmd = {"run"};
  for (const char* bad : {"", "A", "=x"}) {
    test::check_error(Errc::invalid_argument, {"NAME=value"},
                      [&] { container::resolve({.env = {bad}}, config); });
  }
}

TEST_CASE("process options: what overrides the image's configuration") {
  oci::ImageConfig config;
  config.entrypoint = {"/entry"};
  config.cmd = {"default"};
  config.env = {"A=1"};
  config.user = "app";
  config.working_dir = "/app";
  config.exposed_ports = {"80"};
  config.volumes = {"/data"};
  config.labels = {{"a", "1"}, {"b", "2"}};
  const auto plain = container::overridden(config, {});
  CHECK(plain.entrypoint == config.entrypoint);
  CHECK(plain.cmd == config.cmd);
  CHECK(plain.env == config.env);
  CHECK(plain.user == "app");
  CHECK(plain.working_dir == "/app");
  CHECK(plain.exposed_ports == config.exposed_ports);
  CHECK(plain.volumes == config.volumes);
  CHECK(plain.labels == config.labels);
  CHECK_FALSE(plain.healthcheck);
  const auto own = container::overridden(
      config, {.entrypoint = Strings{"sh"},
               .env = {"A=2", "B=3"},
               .user = "root",
               .working_dir = "/srv",
               .exposed_ports = Strings{"53/udp"},
               .volumes = Strings{},
               .labels = {{"a", "9"}},
               .healthcheck = oci::Healthcheck{.test = {"CMD", "true"}, .retries = 3}});
  CHECK(own.entrypoint == Strings{"sh"});
  CHECK(own.cmd.empty());  // it belonged to the other Entrypoint
  CHECK(own.env == Strings{"A=2", "B=3"});
  CHECK(own.user == "root");
  CHECK(own.working_dir == "/srv");
  CHECK(own.exposed_ports == Strings{"53/udp"});
  CHECK(own.volumes.empty());
  CHECK(own.labels.at("a") == "9");
  CHECK(own.labels.at("b") == "2");
  CHECK(own.healthcheck->retries == 3);
  CHECK(container::overridden(config, {.cmd = Strings{"x"}}).entrypoint == Strings{"/entry"});
  test::check_error(Errc::invalid_argument, {"NAME=value"},
                    [&] { container::overridden(config, {.env = {"x"}}); });
}

TEST_CASE("process options: the container's isolation, and the process's own in its place") {
  oci::ImageConfig config;
  config.cmd = {"run"};
  container::Isolation isolation{
      .capabilities = {"CHOWN"}, .no_new_privileges = true, .rlimits = {{"nofile", 1, 2}}};
  const auto plain = container::resolve({}, config, isolation);
  CHECK(plain.capabilities == agent::Capabilities::of({"CHOWN"}));
  CHECK(plain.no_new_privileges);
  CHECK(plain.rlimits == isolation.rlimits);
  CHECK(plain.seccomp_mode == agent::SeccompMode::container);
  const auto own = container::resolve(
      {.rlimits = {{"core", 0, 0}}, .privileged = true, .no_new_privileges = false}, config,
      isolation);
  CHECK(own.capabilities == agent::Capabilities::of({"ALL"}));
  CHECK_FALSE(own.no_new_privileges);
  CHECK(own.rlimits.size() == 2);
  CHECK(own.seccomp_mode == agent::SeccompMode::none);
  CHECK(agent::changed_capabilities({"CHOWN", "KILL"}, {"cap_net_admin"}, {"KILL"}) ==
        Strings{"CHOWN", "NET_ADMIN"});
  CHECK(agent::changed_capabilities({"CHOWN"}, {"KILL"}, {"ALL"}) == Strings{"KILL"});
  CHECK(agent::changed_capabilities({}, {"ALL"}, {"SYS_ADMIN"}).size() == 40);
  test::check_error(Errc::invalid_argument, {"FLY"},
                    [] { agent::changed_capabilities({}, {"FLY"}, {}); });
}
