// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vmkit::oci {

/// `text` with its ASCII letters small, whatever the locale: media types, host names, and other
/// words whose case does not count.
inline std::string ascii_lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace vmkit::oci
