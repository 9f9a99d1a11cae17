// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <utility>

#include <vmkit/base/error.hpp>
#include <vmkit/oci/reference.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_tag = 128;
constexpr std::string_view docker_hub = "docker.io";

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_alphanumeric(char c) {
  return is_digit(c) || is_lower(c) || is_upper(c);
}
constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Calls `check` for each part of `text` between separators until one is refused.
template <class Check>
bool all_parts(std::string_view text, char separator, Check check) {
  for (;;) {
    const std::size_t end = text.find(separator);
    if (!check(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_host_label(std::string_view label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

/// nullptr, or what is wrong.
const char* problem_of_registry(std::string_view registry) {
  std::string_view port;
  bool has_port = false;
  if (registry.starts_with('[')) {
    const std::size_t close = registry.find(']');
    if (close == std::string_view::npos) return "the registry's \"[\" has no \"]\"";
    const std::string_view address = registry.substr(1, close - 1);
    if (address.find(':') == std::string_view::npos ||
        !std::all_of(address.begin(), address.end(),
                     [](char c) { return is_hex(c) || c == ':'; })) {
      return "expected an IPv6 address between \"[\" and \"]\"";
    }
    std::string_view rest = registry.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return "expected \":\" and a port after \"]\"";
    has_port = !rest.empty();
    port = has_port ? rest.substr(1) : rest;
  } else {
    const std::size_t colon = registry.find(':');
    has_port = colon != std::string_view::npos;
    port = has_port ? registry.substr(colon + 1) : std::string_view();
    if (!all_parts(registry.substr(0, colon), '.', is_host_label)) {
      return "the registry is not a host name";
    }
  }
  if (has_port && !is_port(port)) return "the registry's port is not a number from 1 to 65535";
  return nullptr;
}

bool is_repository_part(std::string_view part) {
  // Runs of letters and digits, with exactly one of the separators between two runs.
  std::size_t at = 0;
  for (;;) {
    const std::size_t start = at;
    while (at < part.size() && (is_digit(part[at]) || is_lower(part[at]))) ++at;
    if (at == start) return false;
    if (at == part.size()) return true;
    if (part[at] == '-') {
      while (at < part.size() && part[at] == '-') ++at;
    } else if (part.substr(at).starts_with("__")) {
      at += 2;
    } else if (part[at] == '.' || part[at] == '_') {
      ++at;
    } else {
      return false;
    }
  }
}

bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= longest_tag && tag.front() != '.' && tag.front() != '-' &&
         std::all_of(tag.begin(), tag.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

bool begins_with_registry(std::string_view first) {
  return first == "localhost" || std::any_of(first.begin(), first.end(), [](char c) {
           return c == '.' || c == ':' || is_upper(c);
         });
}

/// Such a "repository" is an image's ID; to take it for a name would be a trap.
bool is_image_id(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), is_hex);
}

/// Whether parse() would take `text`, without a registry before it, for a repository.
bool reads_as_repository(std::string_view text) {
  const std::size_t first = text.find('/');
  return first == text.npos ? !is_image_id(text) : !begins_with_registry(text.substr(0, first));
}

[[noreturn]] void fail(std::string_view text, std::string_view problem) {
  std::string shown(text.substr(0, 300));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < ' ' || c == '\x7f'; }, '?');
  throw Error(Errc::invalid_argument, "image reference \"" + shown + "\": " + std::string(problem));
}

}  // namespace

Reference Reference::parse(std::string_view text, const ReferenceDefaults& defaults) {
  Reference result;
  std::string_view rest = text;
  if (rest.empty()) fail(text, "it is empty; expected [REGISTRY/]REPOSITORY[:TAG][@DIGEST]");

  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    result.digest_ = Digest::try_parse(rest.substr(at + 1));
    if (!result.digest_) {
      fail(text,
           "the digest after \"@\" is not sha256: and 64 lower-case hex digits, or sha512: "
           "and 128");
    }
    rest = rest.substr(0, at);
  }
  // A colon before the last slash belongs to a port.
  const std::size_t slash = rest.rfind('/');
  if (const std::size_t colon = rest.rfind(':');
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    const std::string_view tag = rest.substr(colon + 1);
    if (!is_tag(tag)) {
      fail(text,
           "the tag is not 1 to 128 letters, digits, \"_\", \".\" and \"-\", beginning with "
           "a letter, a digit or \"_\"");
    }
    result.tag_ = std::string(tag);
    rest = rest.substr(0, colon);
  }

  const std::size_t first = rest.find('/');
  if (first != std::string_view::npos && begins_with_registry(rest.substr(0, first))) {
    result.registry_ = std::string(rest.substr(0, first));
    rest.remove_prefix(first + 1);
    if (const char* problem = problem_of_registry(result.registry_)) fail(text, problem);
  } else {
    if (defaults.registry.empty()) fail(text, "it names no registry");
    if (const char* problem = problem_of_registry(defaults.registry)) {
      fail(defaults.registry, problem);
    }
    if (!begins_with_registry(defaults.registry)) {
      fail(text, "the default registry has neither \".\" nor \":\" and would read as a repository");
    }
    if (is_image_id(rest)) {
      fail(text, "64 hex digits are not a name; give an image by digest as NAME@sha256:…");
    }
    result.registry_ = defaults.registry;
  }
  if (result.registry_ == "index.docker.io") result.registry_ = docker_hub;

  if (std::any_of(rest.begin(), rest.end(), is_upper)) {
    fail(text, "the repository must be in lower case");
  }
  const bool official = result.registry_ == docker_hub && rest.find('/') == rest.npos &&
                        !defaults.docker_hub_namespace.empty();
  if (!all_parts(rest, '/', is_repository_part) ||
      (official && !all_parts(defaults.docker_hub_namespace, '/', is_repository_part))) {
    fail(text,
         "the repository is not made of lower-case letters and digits, separated by \"/\", "
         "\".\", \"_\", \"__\" or \"-\"");
  }
  result.repository_ = std::string(rest);
  if (official) result.repository_.insert(0, defaults.docker_hub_namespace + '/');
  if (result.registry_.size() + 1 + result.repository_.size() > longest_name) {
    fail(text, "registry and repository are longer than 255 characters");
  }
  if (!result.tag_ && !result.digest_ && !defaults.tag.empty()) {
    if (!is_tag(defaults.tag)) fail(text, "the default tag is not a tag");
    result.tag_ = defaults.tag;
  }
  return result;
}

std::optional<Reference> Reference::try_parse(std::string_view text,
                                              const ReferenceDefaults& defaults) {
  try {
    return parse(text, defaults);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string Reference::registry_host() const {
  return registry_ == docker_hub ? "registry-1.docker.io" : registry_;
}

std::string Reference::manifest_name() const {
  if (digest_) return digest_->to_string();
  return tag_.value_or("latest");
}

std::string Reference::to_string() const {
  std::string text = name();
  if (tag_) text += ':' + *tag_;
  if (digest_) text += '@' + digest_->to_string();
  return text;
}

std::string Reference::familiar() const {
  const ReferenceDefaults defaults;
  std::string text = name();
  if (registry_ == docker_hub) {
    std::string_view shortened = repository_;
    const std::string official = defaults.docker_hub_namespace + '/';
    if (shortened.starts_with(official) && shortened.find('/', official.size()) == text.npos) {
      shortened.remove_prefix(official.size());
    }
    // "docker.io/foo.bar/x" has no short form: "foo.bar/x" is on another registry.
    if (reads_as_repository(shortened)) text = std::string(shortened);
  }
  if (tag_ && (digest_ || *tag_ != defaults.tag)) text += ':' + *tag_;
  if (digest_) text += '@' + digest_->to_string();
  return text;
}

Reference Reference::with_tag(std::string_view tag) const {
  if (!is_tag(tag)) fail(name() + ':' + std::string(tag), "the tag is malformed");
  Reference result = *this;
  result.tag_ = std::string(tag);
  return result;
}

Reference Reference::with_digest(Digest digest) const {
  Reference result = *this;
  result.digest_ = std::move(digest);
  return result;
}

}  // namespace vmkit::oci
