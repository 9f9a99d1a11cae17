// SPDX-License-Identifier: Apache-2.0
#include "oci/document/json.hpp"

#include <algorithm>
#include <utility>

#include "oci/document/shown.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_texts = 100'000;

[[noreturn]] void corrupt(std::string_view what, std::string_view problem) {
  throw Error(Errc::data_corruption, std::string(what) + ": " + std::string(problem));
}

/// Builds the document from the parser's events and refuses what is deeper, more, or doubled. (The
/// parser's own builder can be watched, but then its time is quadratic in the length of arrays.)
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view what, const JsonLimits& limits) : what_(what), limits_(limits) {}

  Json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // not in text

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& key) override {
    const auto [place, is_new] = open_.back()->emplace(key, nullptr);
    if (!is_new) corrupt(what_, "duplicate JSON key " + shown(key));
    value_of_key_ = &*place;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    corrupt(what_, "not valid JSON at byte " + std::to_string(position));
  }

 private:
  bool put(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json container) {
    open_.push_back(place(std::move(container)));
    if (open_.size() > limits_.depth) {
      corrupt(what_, "JSON nested deeper than " + std::to_string(limits_.depth));
    }
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  /// Where it is now: this stays true while it is open, as nothing is added beside it then.
  Json* place(Json value) {
    if (++values_ > limits_.values) {
      corrupt(what_, "JSON with more than " + std::to_string(limits_.values) + " values");
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& container = *open_.back();
    if (container.is_array()) {
      container.push_back(std::move(value));
      return &container.back();
    }
    *value_of_key_ = std::move(value);
    return value_of_key_;
  }

  std::string_view what_;
  const JsonLimits& limits_;
  Json root_;
  std::vector<Json*> open_;
  Json* value_of_key_ = nullptr;
  std::size_t values_ = 0;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view what, JsonLimits limits) {
  if (text.size() > limits.size.bytes()) {
    corrupt(what, "expected at most " + to_string(limits.size) + " of JSON, found " +
                      to_string(ByteSize(text.size())));
  }
  Builder builder(what, limits);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

JsonObject::JsonObject(const Json& value, std::string what, std::string path)
    : value_(&value), what_(std::move(what)), path_(std::move(path)) {
  if (!value.is_object()) {
    corrupt(path_.empty() ? what_ : what_ + ": " + path_,
            std::string("expected an object, found ") + value.type_name());
  }
}

std::string JsonObject::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

void JsonObject::fail(std::string_view key, std::string_view problem) const {
  corrupt(what_ + ": " + path_of(key), problem);
}

const Json* JsonObject::find(const char* key) const {
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

std::string JsonObject::text_of(const Json& value, std::string_view key) const {
  if (!value.is_string()) fail(key, std::string("expected a string, found ") + value.type_name());
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) fail(key, "the string holds a NUL character");
  return text;
}

bool JsonObject::is_text(const char* key) const {
  const Json* value = find(key);
  return value != nullptr && value->is_string();
}

std::string JsonObject::text(const char* key) const {
  const Json* value = find(key);
  return value == nullptr ? std::string() : text_of(*value, key);
}

std::string JsonObject::required_text(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) fail(key, "expected a string, found nothing");
  return text_of(*value, key);
}

std::string JsonObject::word(const char* key) const {
  constexpr std::size_t longest = 255;
  std::string value = text(key);
  const bool visible =
      std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!visible || value.size() > longest) {
    fail(key, "expected at most 255 visible ASCII characters, found " + shown(value));
  }
  return value;
}

std::string JsonObject::required_word(const char* key) const {
  if (find(key) == nullptr) fail(key, "expected a string, found nothing");
  return word(key);
}

bool JsonObject::flag(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    fail(key, std::string("expected true or false, found ") + value->type_name());
  }
  return value->get<bool>();
}

std::optional<std::uint64_t> JsonObject::number(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() >> 63 != 0) {
    const bool numeric = value->is_number();
    fail(key, "expected a whole number from 0 to 2^63-1, found " +
                  (numeric ? value->dump() : std::string(value->type_name())));
  }
  return value->get<std::uint64_t>();
}

std::uint64_t JsonObject::required_number(const char* key) const {
  const auto value = number(key);
  if (!value) fail(key, "expected a number, found nothing");
  return *value;
}

Digest JsonObject::required_digest(const char* key) const {
  const std::string value = required_text(key);
  auto digest = Digest::try_parse(value);
  if (!digest) fail(key, "expected a sha256 or sha512 digest, found " + shown(value));
  return *std::move(digest);
}

const Json* JsonObject::array(const char* key, std::size_t limit) const {
  const Json* value = find(key);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) fail(key, std::string("expected an array, found ") + value->type_name());
  if (value->size() > limit) {
    fail(key, "expected at most " + std::to_string(limit) + " entries, found " +
                  std::to_string(value->size()));
  }
  return value;
}

std::vector<std::string> JsonObject::texts(const char* key) const {
  std::vector<std::string> result;
  if (const Json* value = array(key, most_texts)) {
    for (const Json& item : *value) {
      result.push_back(text_of(item, std::string(key) + '[' + std::to_string(result.size()) + ']'));
    }
  }
  return result;
}

void JsonObject::check_name(const char* key, const std::string& name) const {
  if (name.find('\0') != std::string::npos) fail(key, "a key holds a NUL character");
}

std::map<std::string, std::string> JsonObject::text_map(const char* key) const {
  std::map<std::string, std::string> result;
  if (const auto map = object(key)) {
    for (const auto& [name, value] : map->value_->items()) {
      check_name(key, name);
      if (value.is_null()) continue;
      result.emplace(name, map->text_of(value, shown(name)));
    }
  }
  return result;
}

std::vector<std::string> JsonObject::keys(const char* key) const {
  std::vector<std::string> result;
  if (const auto set = object(key)) {
    for (const auto& [name, value] : set->value_->items()) {
      check_name(key, name);
      result.push_back(name);
    }
  }
  return result;
}

std::optional<JsonObject> JsonObject::object(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return JsonObject(*value, what_, path_of(key));
}

JsonObject JsonObject::required_object(const char* key) const {
  auto result = object(key);
  if (!result) fail(key, "expected an object, found nothing");
  return *std::move(result);
}

std::vector<JsonObject> JsonObject::objects(const char* key, std::size_t limit) const {
  std::vector<JsonObject> result;
  if (const Json* value = array(key, limit)) {
    for (const Json& item : *value) {
      result.emplace_back(item, what_, path_of(key) + '[' + std::to_string(result.size()) + ']');
    }
  }
  return result;
}

std::vector<Digest> JsonObject::digests(const char* key, std::size_t limit) const {
  std::vector<Digest> result;
  if (const Json* value = array(key, limit)) {
    for (const Json& item : *value) {
      const std::string name = std::string(key) + '[' + std::to_string(result.size()) + ']';
      const std::string text = text_of(item, name);
      auto digest = Digest::try_parse(text);
      if (!digest) fail(name, "expected a sha256 or sha512 digest, found " + shown(text));
      result.push_back(*std::move(digest));
    }
  }
  return result;
}

}  // namespace vmkit::oci
