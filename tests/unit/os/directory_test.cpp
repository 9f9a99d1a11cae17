// SPDX-License-Identifier: Apache-2.0
#include "os/directory.hpp"

#include <doctest/doctest.h>
#include <fstream>
#include <utility>

#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace vmkit::os;

TEST_CASE("directory: missing parents are made, existing ones accepted, files refused") {
  const auto folder = test::temporary_directory();
  os::create_directories(folder.path() / "a/b/c");
  os::create_directories(folder.path() / "a/b/c");
  CHECK(std::filesystem::is_directory(folder.path() / "a/b/c"));
  sync_directory(folder.path() / "a/b");
  std::ofstream(folder.path() / "file") << "x";
  test::check_error(Errc::already_exists, {"/file"},
                    [&] { os::create_directories(folder.path() / "file"); });
  test::check_error(Errc::invalid_argument, {"/file/sub"},
                    [&] { os::create_directories(folder.path() / "file/sub"); });
}

TEST_CASE("directory: a temporary one goes with its content, once, also when moved") {
  std::filesystem::path path;
  {
    auto first = test::temporary_directory();
    path = first.path();
    std::ofstream(path / "x") << "x";
    const auto second = std::move(first);
    CHECK(std::filesystem::exists(path / "x"));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}
