// SPDX-License-Identifier: Apache-2.0
#include "oci/document/shown.hpp"

namespace vmkit::oci {

std::string shown(std::string_view text, std::size_t limit) {
  std::string result;
  for (const char c : text.substr(0, limit)) {
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  if (text.size() > limit) result += "…";
  return '"' + result + '"';
}

}  // namespace vmkit::oci
