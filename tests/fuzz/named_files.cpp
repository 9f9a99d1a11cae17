// SPDX-License-Identifier: Apache-2.0
#include "fuzz/named_files.hpp"

#include <algorithm>
#include <optional>

#include <vmkit/base/digest.hpp>

namespace vmkit::fuzz {
namespace {

std::string blob_name(const Digest& digest) {
  return "blobs/" + std::string(to_string(digest.algorithm())) + '/' + digest.hex();
}

/// What the mark at the beginning of `text` stands for, and how long it is.
std::optional<std::string> meaning_of(std::string_view text, const std::vector<NamedFile>& files,
                                      std::size_t& length) {
  const bool digits_only = text.starts_with("@h");
  length = digits_only ? 3 : 2;
  if ((text[0] != '@' && text[0] != '#') || text.size() < length) return std::nullopt;
  const std::size_t number = static_cast<unsigned char>(text[length - 1]) - std::size_t{'0'};
  if (number >= std::min<std::size_t>(files.size(), 10)) return std::nullopt;
  const std::string& content = files[number].content;
  if (text[0] == '#') return std::to_string(content.size());
  const Digest digest = digest_of(content);
  return digits_only ? digest.hex() : digest.to_string();
}

std::string filled_in(std::string_view text, const std::vector<NamedFile>& files) {
  std::string result;
  while (!text.empty()) {
    std::size_t length = 1;
    if (const auto meaning = meaning_of(text, files, length)) {
      result += *meaning;
    } else {
      length = 1;
      result += text[0];
    }
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace

std::vector<NamedFile> named_files(std::string_view input) {
  constexpr std::string_view mark = "=== ";
  constexpr std::size_t most_files = 32;
  std::vector<NamedFile> files;
  while (input.starts_with(mark) && files.size() < most_files) {
    input.remove_prefix(mark.size());
    const std::size_t line = std::min(input.find('\n'), input.size());
    std::string name = filled_in(input.substr(0, line), files);
    input.remove_prefix(std::min(line + 1, input.size()));
    const std::size_t end = std::min(input.find("\n=== "), input.size());
    std::string content = filled_in(input.substr(0, end), files);
    input.remove_prefix(std::min(end + 1, input.size()));
    if (name == "blob") {
      name = blob_name(digest_of(content));
    } else if (const auto digest = Digest::try_parse(name)) {
      name = blob_name(*digest);
    }
    files.push_back({std::move(name), std::move(content)});
  }
  return files;
}

}  // namespace vmkit::fuzz
