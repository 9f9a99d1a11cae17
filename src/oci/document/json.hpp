// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/digest.hpp>

namespace vmkit::oci {

struct JsonLimits {
  ByteSize size = ByteSize(4 << 20);
  std::size_t depth = 32;
  /// Of all values together: what bounds the memory of the parsed document.
  std::size_t values = 100'000;
};

/// Parses `text` within the limits; a duplicate key is an error. Throws data_corruption with `what`
/// before the message.
nlohmann::json parse_json(std::string_view text, std::string_view what, JsonLimits limits = {});

/// Typed access to one object of a document from outside. Whatever is missing or of another type
/// throws data_corruption with the path of the field. A null counts as missing, as Go's encoder
/// writes it so. Refers to the document: it must outlive this.
class JsonObject {
 public:
  /// Throws unless `value` is an object. For messages: `what` names the document, `path` the place
  /// of the object in it, empty for the outermost.
  JsonObject(const nlohmann::json& value, std::string what, std::string path = {});

  bool has(const char* key) const { return find(key) != nullptr; }

  bool is_text(const char* key) const;
  std::string text(const char* key) const;  ///< Empty if missing.
  std::string required_text(const char* key) const;
  /// The same for words that come into messages, such as a media type: at most 255 visible ASCII
  /// characters.
  std::string word(const char* key) const;
  std::string required_word(const char* key) const;
  bool flag(const char* key) const;                            ///< False if missing.
  std::optional<std::uint64_t> number(const char* key) const;  ///< 0 to 2^63-1.
  std::uint64_t required_number(const char* key) const;
  Digest required_digest(const char* key) const;

  std::vector<std::string> texts(const char* key) const;  ///< Empty if missing.
  std::map<std::string, std::string> text_map(const char* key) const;
  std::vector<std::string> keys(const char* key) const;  ///< Of an object used as a set.

  std::optional<JsonObject> object(const char* key) const;
  JsonObject required_object(const char* key) const;
  /// The objects of an array of at most `limit`; empty if missing.
  std::vector<JsonObject> objects(const char* key, std::size_t limit) const;
  std::vector<Digest> digests(const char* key, std::size_t limit) const;

  /// Throws data_corruption: "WHAT: PATH.KEY: PROBLEM".
  [[noreturn]] void fail(std::string_view key, std::string_view problem) const;

 private:
  const nlohmann::json* find(const char* key) const;
  void check_name(const char* key, const std::string& name) const;
  const nlohmann::json* array(const char* key, std::size_t limit) const;
  std::string text_of(const nlohmann::json& value, std::string_view key) const;
  std::string path_of(std::string_view key) const;

  const nlohmann::json* value_;
  std::string what_;
  std::string path_;
};

}  // namespace vmkit::oci
