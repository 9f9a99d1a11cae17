// SPDX-License-Identifier: Apache-2.0
// What a registry and its token server answer, apart from documents: a token, scopes, links.
#include <algorithm>
#include <string>

#include "fuzz/target.hpp"
#include "oci/auth/token_request.hpp"
#include "oci/auth/token_scope.hpp"
#include "oci/http/http_url.hpp"
#include "oci/http/link_header.hpp"

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

bool fits_in_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
}

const vmkit::fuzz::Target target("token", [](std::string_view input) {
  using namespace vmkit::oci;
  const std::string text(input);
  accepts({Errc::data_corruption}, [&] {
    const Token token = parse_token(text, "the token", "Mon, 01 Jan 2024 00:00:00 GMT",
                                    std::chrono::system_clock::from_time_t(1'704'067'200));
    require(!token.value.empty() && fits_in_header(token.value), "a token fits in a header");
    require(token.lifetime.count() >= 0 && token.lifetime < std::chrono::hours(24 * 366),
            "a token's life has an end");
  });
  const auto scopes = merged_scopes("repository:a/b:pull", input);
  require(!scopes.empty() && scopes.size() <= 17, "the scopes are bounded");
  require(scopes.front().starts_with("repository:a/b:"), "what is wanted comes first");
  repository_of_scope(input);
  const std::string base = "https://example.com/v2/a/tags/list";
  for (const auto& link : {next_link(input), std::optional(text)}) {
    const auto next = link ? resolve_url(base, *link) : std::nullopt;
    require(!next || HttpUrl::parse(*next).has_value(), "a link leads to a URL");
  }
});

}  // namespace
