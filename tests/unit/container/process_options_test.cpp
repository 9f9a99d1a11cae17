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
