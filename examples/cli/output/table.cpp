// SPDX-License-Identifier: Apache-2.0
#include "output/table.hpp"

#include <algorithm>
#include <cstdio>

namespace cli {
namespace {

/// Columns on a screen, if each character takes one.
std::size_t width(const std::string& cell) {
  return static_cast<std::size_t>(
      std::count_if(cell.begin(), cell.end(), [](char byte) { return (byte & 0xc0) != 0x80; }));
}

}  // namespace

Table::Table(std::vector<std::string> header) {
  rows_.push_back(std::move(header));
}

void Table::add(std::vector<std::string> row) {
  // What a guest or an image says must not draw on the screen.
  for (std::string& cell : row) {
    std::replace_if(
        cell.begin(), cell.end(),
        [](char byte) { return static_cast<unsigned char>(byte) < ' ' || byte == '\x7f'; }, '?');
  }
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  constexpr std::size_t gap = 3;
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + gap, ' ');
    }
    text += '\n';
  }
  return text;
}

void Table::print() const {
  std::fputs(text().c_str(), stdout);
}

}  // namespace cli
