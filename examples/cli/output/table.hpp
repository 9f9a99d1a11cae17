// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace cli {

/// Rows whose columns stand one below another. Plain text, the same on a terminal and in a pipe.
class Table {
 public:
  explicit Table(std::vector<std::string> header);

  /// As many cells as the header has.
  void add(std::vector<std::string> row);
  /// How it looks, a line for each row.
  std::string text() const;
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace cli
