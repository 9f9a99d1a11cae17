// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmkit::oci {

/// RFC 4648, section 4, with padding.
std::string base64_encode(std::string_view bytes);
/// nullopt unless `text` is exactly what base64_encode gives for some bytes.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace vmkit::oci
