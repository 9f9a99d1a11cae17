// SPDX-License-Identifier: Apache-2.0
// Where a redirect or a token realm leads, and platforms, which users and other tools write.
#include <algorithm>
#include <string>

#include "fuzz/target.hpp"
#include "oci/http/http_url.hpp"

#include <vmkit/oci/platform.hpp>

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using vmkit::oci::HttpUrl;
using vmkit::oci::Platform;

const vmkit::fuzz::Target target("url", [](std::string_view input) {
  if (const auto url = HttpUrl::parse(std::string(input))) {
    require(url->scheme == "http" || url->scheme == "https", "only http and https");
    require(!url->host.empty(), "there is a host");
    require(!url->port.empty() && std::all_of(url->port.begin(), url->port.end(),
                                              [](char c) { return c >= '0' && c <= '9'; }),
            "there is a port");
    const auto again = HttpUrl::parse(url->scheme + "://" + url->host + ':' + url->port);
    require(again == url, "what an origin says can be written and read again");
  }
  const std::string encoded = vmkit::oci::percent_encode(input);
  require(encoded.find_first_of(" \t\r\n&?#/=+\"") == encoded.npos, "nothing is left to misread");

  accepts({Errc::invalid_argument}, [&] {
    const Platform platform = Platform::parse(input);
    require(platform.normalized() == platform, "a platform that was read is normalised");
    require(Platform::parse(platform.to_string()) == platform, "parse(to_string(x)) is x");
    require(match_distance(platform, platform) == 0, "a platform runs its own images");
  });
});

}  // namespace
