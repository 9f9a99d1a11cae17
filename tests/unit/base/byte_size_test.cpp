// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/error.hpp>

using namespace vmkit;

TEST_CASE("byte size: literals and comparison") {
  CHECK((4_GiB).bytes() == 4ull << 30);
  CHECK(1024_KiB == 1_MiB);
  CHECK(1_MiB < 1_GiB);
  CHECK(1_MiB + 1_KiB == 1025_KiB);
}

TEST_CASE("byte size: texts that people write") {
  CHECK(ByteSize::parse("0").bytes() == 0);
  CHECK(ByteSize::parse("4096").bytes() == 4096);
  CHECK(ByteSize::parse("512M") == 512_MiB);
  CHECK(ByteSize::parse("512MB") == 512_MiB);
  CHECK(ByteSize::parse("4GiB") == 4_GiB);
  CHECK(ByteSize::parse("4 gib") == 4_GiB);
  CHECK(ByteSize::parse("1.5G") == ByteSize((3ull << 30) / 2));
  CHECK(ByteSize::parse("16T") == 16_TiB);
  CHECK(ByteSize::parse("18446744073709551615").bytes() == ~0ull);
}

TEST_CASE("byte size: everything else is refused with the text in the message") {
  for (const char* bad : {"", "G", "-1", "1X", "1 GiBs", "1.5", "0.5B", "1.G", "1.1234567G",
                          "16777216T", "18446744073709551616", "0x10", " 1"}) {
    CAPTURE(bad);
    try {
      ByteSize::parse(bad);
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::invalid_argument);
      CHECK(std::string(error.what()).find("\"" + std::string(bad) + "\"") != std::string::npos);
    }
  }
}

TEST_CASE("byte size: for people") {
  CHECK(to_string(ByteSize(0)) == "0 B");
  CHECK(to_string(ByteSize(1023)) == "1023 B");
  CHECK(to_string(1_KiB) == "1 KiB");
  CHECK(to_string(ByteSize(1536)) == "1.5 KiB");
  CHECK(to_string(64_GiB) == "64 GiB");
  CHECK(to_string(ByteSize(~0ull)) == "15.9 EiB");
}
