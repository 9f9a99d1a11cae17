// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <doctest/doctest.h>
#include <type_traits>

#include <vmkit/base/error.hpp>
#include <vmkit/base/result.hpp>

using namespace vmkit;

TEST_CASE("error: context goes in front, code and native number stay") {
  const Error error(Errc::unavailable, "connection refused", NativeError{ErrorDomain::curl, 7});
  const Error outer = error.with_context("layer x").with_context("pull y");
  CHECK(std::string(outer.what()) == "pull y: layer x: connection refused");
  CHECK(outer.code() == Errc::unavailable);
  CHECK(outer.native() == NativeError{ErrorDomain::curl, 7});
  CHECK(std::string(error.what()) == "connection refused");
}

TEST_CASE("error: errno values get the code that tells what to do") {
  CHECK(Error::from_errno(ENOENT, "open /x").code() == Errc::not_found);
  CHECK(Error::from_errno(ENOSPC, "write").code() == Errc::resource_exhausted);
  CHECK(Error::from_errno(EACCES, "open").code() == Errc::permission_denied);
  CHECK(Error::from_errno(EIO, "read").code() == Errc::io);
  const Error error = Error::from_errno(ENOENT, "open /x");
  CHECK(std::string(error.what()) == "open /x: No such file or directory");
  CHECK(error.native() == NativeError{ErrorDomain::posix, ENOENT});
}

TEST_CASE("error: copies never throw, every code has a name") {
  static_assert(std::is_nothrow_copy_constructible_v<Error>);
  for (int code = 1; code <= 14; ++code) CHECK(to_string(static_cast<Errc>(code)) != "unknown");
}

TEST_CASE("result: a value or an error") {
  Result<int> good = 7;
  CHECK(good.has_value());
  CHECK(good.value() == 7);
  Result<int> bad = Error(Errc::not_found, "gone");
  CHECK_FALSE(bad);
  CHECK(bad.error().code() == Errc::not_found);
  CHECK_THROWS_AS(bad.value(), Error);
  Result<void> done;
  CHECK(done);
  done.value();
  Result<void> failed = Error(Errc::io, "x");
  CHECK_THROWS_AS(failed.value(), Error);
}
