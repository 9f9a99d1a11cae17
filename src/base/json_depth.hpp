// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace vmkit {

/// Whether arrays and objects in `json` are nested more than `most` deep, in linear time and before
/// anything is parsed: what is copied, written or compared later recurses. (The parser can be
/// watched too, but then it takes quadratic time for arrays of objects.) Text that is not JSON has
/// at least the depth at which a parser gives up.
inline bool json_deeper_than(std::string_view json, std::size_t most) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > most) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace vmkit
