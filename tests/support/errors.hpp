// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include <vmkit/base/error.hpp>

namespace vmkit::test {

/// Checks that `call` throws an Error with this code and all these words in its message; and with
/// that errno, if one is given.
inline void check_error(Errc code, std::initializer_list<std::string_view> words,
                        const std::function<void()>& call, int errno_value = 0) {
  try {
    call();
  } catch (const Error& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(to_string(error.code()) == to_string(code));
    if (errno_value != 0) CHECK(error.native() == NativeError{ErrorDomain::posix, errno_value});
    for (const std::string_view word : words) {
      CAPTURE(word);
      CHECK(message.find(word) != std::string::npos);
    }
    return;
  }
  FAIL_CHECK("expected the error ", to_string(code), ", nothing was thrown");
}

}  // namespace vmkit::test
