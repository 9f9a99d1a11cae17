// SPDX-License-Identifier: Apache-2.0
#include "os/clone_file.hpp"

#include <doctest/doctest.h>
#include <string>

#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace vmkit::os;

TEST_CASE("clone file: data ranges skip holes") {
  const auto folder = test::temporary_directory();
  File file = File::open(folder.path() / "a", File::Mode::create_new);
  const std::string block(4096, 'x');
  file.resize(1_MiB);
  file.write_at(512 << 10, std::as_bytes(std::span(block)));
  const auto range = next_data(file, 0);
  REQUIRE(range);
  CHECK(range->offset <= 512 << 10);
  CHECK(range->offset + range->length >= (512 << 10) + 4096);
  CHECK(range->length < 256 << 10);
  CHECK_FALSE(next_data(file, range->offset + range->length));
}

TEST_CASE("clone file: ranges are copied, in the kernel or by a buffer") {
  const auto folder = test::temporary_directory();
  write_file_atomically(folder.path() / "a", std::string(100, '-') + "content" + "tail");
  const File source = File::open(folder.path() / "a", File::Mode::read);
  File first = File::open(folder.path() / "b", File::Mode::create_new);
  File second = File::open(folder.path() / "c", File::Mode::create_new);
  copy_range(source, first, 100, 7);
  copy_by_buffer(source, second, 100, 7);
  for (const char* name : {"b", "c"}) {
    CHECK(read_file(folder.path() / name, 1_KiB) == std::string(100, '\0') + "content");
  }
}

TEST_CASE("clone file: a clone has the content, or there is no target") {
  const auto folder = test::temporary_directory();
  write_file_atomically(folder.path() / "a", "content");
  const File source = File::open(folder.path() / "a", File::Mode::read);
  if (try_clone_file(source, folder.path() / "b")) {
    CHECK(read_file(folder.path() / "b", 1_KiB) == "content");
  } else {
    CHECK_FALSE(std::filesystem::exists(folder.path() / "b"));
  }
}

TEST_CASE("clone file: there is some free space") {
  CHECK(free_space("/tmp") > 1_MiB);
}
