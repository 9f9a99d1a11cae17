// SPDX-License-Identifier: Apache-2.0
#include "oci/http/http_url.hpp"

#include <doctest/doctest.h>

#include "oci/http/link_header.hpp"

using namespace vmkit::oci;

TEST_CASE("url: what a Location means where it was found") {
  const std::string base = "https://r.example:5000/v2/a/blobs/uploads/?mount=x";
  CHECK(resolve_url(base, "/v2/a/uploads/1?s=%2F") ==
        "https://r.example:5000/v2/a/uploads/1?s=%2F");
  CHECK(resolve_url(base, "1?s=2") == "https://r.example:5000/v2/a/blobs/uploads/1?s=2");
  CHECK(resolve_url(base, "?s=2") == "https://r.example:5000/v2/a/blobs/uploads/?s=2");
  CHECK(resolve_url(base, "https://other.example/up#part") == "https://other.example/up");
  CHECK(resolve_url(base, "//other.example/up") == "https://other.example/up");
  for (const char* bad : {"", "ftp://x/y", "file:///etc/passwd", "https://user@x/y", "http://"}) {
    CAPTURE(bad);
    CHECK_FALSE(resolve_url(base, bad));
  }
}

TEST_CASE("url: a value added to a query") {
  CHECK(with_query("http://x/y", "digest", "sha256:a/b") == "http://x/y?digest=sha256%3Aa%2Fb");
  CHECK(with_query("http://x/y?a=b", "n", "1") == "http://x/y?a=b&n=1");
}

TEST_CASE("link: the next page") {
  CHECK(next_link("</v2/_catalog?last=b&n=2>; rel=\"next\"") == "/v2/_catalog?last=b&n=2");
  CHECK(next_link("<a>; rel=prev, <b>; title=\"x, y; z\"; rel=next") == "b");
  CHECK(next_link("<a>;Rel=\"last NEXT\"") == "a");
  CHECK(next_link("  <a,b>  ;  rel = next").has_value() == false);
  for (const char* none : {"", "<a>", "<a>; rel=prev", "a; rel=next", "<a; rel=next", "<a>; rel",
                           "<a>; rel=\"next", "<a>;;;", "<a> rel=next"}) {
    CAPTURE(none);
    const auto link = next_link(none);
    CHECK((!link || *link == "a"));
  }
  CHECK_FALSE(next_link("<a>; rel=nexts"));
}
