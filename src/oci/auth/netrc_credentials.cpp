// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>
#include <utility>

#include "oci/auth/registry_names.hpp"
#include "oci/document/ascii.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/netrc_credentials.hpp>

namespace vmkit::oci {
namespace {

constexpr ByteSize longest_netrc = 1_MiB;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// The words of a netrc file. Messages name lines, never words: one in the wrong place may be a
/// password.
class Words {
 public:
  Words(std::string_view text, std::string what) : rest_(text), what_(std::move(what)) {}

  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(Errc::data_corruption,
                what_ + ": line " + std::to_string(line_) + ": " + std::string(problem));
  }

  /// The next word where a keyword is expected; nullopt at the end.
  std::optional<std::string> keyword() {
    skip_blanks();
    while (rest_.starts_with('#')) {
      take(std::min(rest_.find('\n'), rest_.size()));
      skip_blanks();
    }
    if (rest_.empty()) return std::nullopt;
    return word();
  }

  std::string value(std::string_view after) {
    skip_blanks();
    if (rest_.empty()) fail("expected a value after \"" + std::string(after) + "\", found the end");
    return word();
  }

  /// A macro's lines end with an empty one.
  void skip_macro() {
    const std::size_t end = std::min(rest_.find("\n\n"), rest_.find("\n\r\n"));
    take(std::min(end, rest_.size()));
  }

 private:
  void take(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    line_ += static_cast<std::size_t>(std::count(taken.begin(), taken.end(), '\n'));
    rest_.remove_prefix(count);
  }

  void skip_blanks() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_blank);
    take(static_cast<std::size_t>(end - rest_.begin()));
  }

  std::string word() {
    if (rest_.starts_with('"')) return quoted_word();
    const auto end = std::find_if(rest_.begin(), rest_.end(), is_blank);
    std::string result(rest_.begin(), end);
    take(result.size());
    return result;
  }

  std::string quoted_word() {
    std::string result;
    for (std::size_t i = 1; i < rest_.size() && rest_[i] != '\n'; ++i) {
      if (rest_[i] == '"') {
        take(i + 1);
        return result;
      }
      if (rest_[i] != '\\') {
        result += rest_[i];
      } else if (++i < rest_.size()) {
        const char c = rest_[i];
        result += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
      }
    }
    fail("expected a closing \" on the same line");
  }

  std::string_view rest_;
  std::string what_;
  std::size_t line_ = 1;
};

std::vector<std::string> machine_names(const std::string& registry) {
  auto names = names_of_registry(ascii_lower(registry));
  names.push_back(host_without_port(ascii_lower(registry)));
  return names;
}

struct Entry {
  bool fits = false;
  std::optional<std::string> login;
  std::optional<std::string> password;

  bool answers() const { return fits && login && password; }
};

}  // namespace

NetrcCredentials::NetrcCredentials(std::filesystem::path file) : file_(std::move(file)) {}

std::optional<Credential> NetrcCredentials::find(const CredentialQuery& query, const CallOptions&) {
  const auto content = os::read_file_if_exists(file_, longest_netrc);
  if (!content) return std::nullopt;
  Words words(*content, file_.string());
  const auto names = machine_names(query.registry);
  Entry entry;
  bool in_entry = false;
  for (;;) {
    const auto word = words.keyword();
    const bool begins = word == "machine" || word == "default";
    if ((!word || begins) && entry.answers()) {
      return Credential{.username = *entry.login, .password = *entry.password};
    }
    if (!word) return std::nullopt;
    if (begins) {
      entry = {};
      in_entry = true;
      entry.fits = word == "default" || std::find(names.begin(), names.end(),
                                                  ascii_lower(words.value(*word))) != names.end();
    } else if (word == "macdef") {
      words.value(*word);
      words.skip_macro();
    } else if (in_entry && (word == "login" || word == "password" || word == "account")) {
      std::string value = words.value(*word);
      if (word == "login") entry.login = std::move(value);
      if (word == "password") entry.password = std::move(value);
    } else {
      words.fail(
          "expected machine, default, macdef, or login, password or account of a machine, "
          "found something else");
    }
  }
}

}  // namespace vmkit::oci
