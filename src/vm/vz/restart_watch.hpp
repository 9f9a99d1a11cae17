// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vmkit::vm::vz {

/// Reads a guest's console for the kernel's own words before it halts in a panic or resets the
/// machine. The framework tells of neither: it lets the one hang and the other boot again. A guest
/// that writes these words itself only ends itself. Confined.
class RestartWatch {
 public:
  /// True once the words have been there, in this or an earlier piece of output.
  bool read(std::string_view output);

 private:
  std::string end_;  // of what came before: the words may come in pieces
  bool seen_ = false;
};

}  // namespace vmkit::vm::vz
