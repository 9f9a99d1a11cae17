// SPDX-License-Identifier: Apache-2.0
#include "disk/snapshot_table.hpp"

#include <algorithm>
#include <charconv>

#include <vmkit/base/error.hpp>

namespace vmkit::disk {
namespace {

constexpr std::string_view first_line = "vmkit-snapshots 1";
constexpr std::string_view nothing = "-";
constexpr std::size_t longest_snapshot_name = 64;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == line.npos) return words;
    line.remove_prefix(space + 1);
  }
}

class TableParser {
 public:
  explicit TableParser(const std::filesystem::path& path) : path_(path) {}

  SnapshotTable run(std::string_view text) {
    expect(text.ends_with('\n'), "it ends early");
    while (!text.empty()) {
      ++line_;
      const std::size_t end = text.find('\n');
      take(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    expect(line_ > 0, "it is empty");
    for (const SnapshotTable::Row& row : table_.rows) expect_known(row.parent);
    expect_known(table_.current);
    if (table_.restore) expect_known(table_.restore->name);
    return std::move(table_);
  }

 private:
  void take(std::string_view line) {
    if (line_ == 1) return expect(line == first_line, "expected \"vmkit-snapshots 1\"");
    const auto words = words_of(line);
    if (words[0] == "current" && words.size() == 2) {
      table_.current = name_or_none(words[1]);
    } else if (words[0] == "restoring" && words.size() == 3) {
      table_.restore = {name(words[1]), number<std::uint64_t>(words[2])};
    } else if (words[0] == "snapshot" && words.size() == 5) {
      SnapshotTable::Row row{name(words[1]), name_or_none(words[2]), number<std::int64_t>(words[3]),
                             name(words[4])};
      expect(table_.find(row.name) == nullptr, "a name stands twice");
      table_.rows.push_back(std::move(row));
    } else {
      expect(false, "an unknown line");
    }
  }

  std::string name(std::string_view word) {
    expect(is_snapshot_name(word), "not a name");
    return std::string(word);
  }
  std::string name_or_none(std::string_view word) { return word == nothing ? "" : name(word); }

  template <class Number>
  Number number(std::string_view word) {
    Number value{};
    const char* end = word.data() + word.size();
    const auto result = std::from_chars(word.data(), end, value);
    expect(result.ec == std::errc() && result.ptr == end, "not a number");
    return value;
  }

  void expect_known(const std::string& name) {
    expect(name.empty() || table_.find(name) != nullptr, "a snapshot that is named is missing");
  }

  void expect(bool good, std::string_view problem) {
    if (good) return;
    throw Error(Errc::data_corruption, "table of snapshots " + path_.string() + ", line " +
                                           std::to_string(line_) + ": " + std::string(problem));
  }

  const std::filesystem::path& path_;
  SnapshotTable table_;
  std::size_t line_ = 0;
};

}  // namespace

bool is_snapshot_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_snapshot_name && is_letter_or_digit(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
         });
}

SnapshotTable::Row* SnapshotTable::find(std::string_view name) {
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](auto& row) { return row.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

std::string SnapshotTable::to_text() const {
  const auto or_nothing = [](const std::string& name) {
    return name.empty() ? std::string(nothing) : name;
  };
  std::string text = std::string(first_line) + "\ncurrent " + or_nothing(current) + '\n';
  if (restore) {
    text += "restoring " + restore->name + ' ' + std::to_string(restore->inode) + '\n';
  }
  for (const Row& row : rows) {
    text += "snapshot " + row.name + ' ' + or_nothing(row.parent) + ' ' +
            std::to_string(row.created_ns) + ' ' + row.file + '\n';
  }
  return text;
}

SnapshotTable parse_snapshot_table(std::string_view text, const std::filesystem::path& path) {
  return TableParser(path).run(text);
}

}  // namespace vmkit::disk
