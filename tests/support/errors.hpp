// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <initializer_list>
#include <string>

#include <vmkit/base/error.hpp>

namespace vmkit::test {

/// Checks that `call` throws an Error with this code and all these words in its message.
inline void check_error(Errc code, std::initializer_list<const char*> words,
                        const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(to_string(error.code()) == to_string(code));
    for (const char* word : words) {
      CAPTURE(word);
      CHECK(message.find(word) != std::string::npos);
    }
    return;
  }
  FAIL_CHECK("nothing was thrown, expected " << to_string(code));
}

}  // namespace vmkit::test
