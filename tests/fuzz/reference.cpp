// SPDX-License-Identifier: Apache-2.0
#include "fuzz/target.hpp"

#include <vmkit/oci/reference.hpp>

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using vmkit::oci::Reference;
using vmkit::oci::ReferenceDefaults;

void check(const Reference& reference, const ReferenceDefaults& defaults) {
  const std::string text = reference.to_string();
  require(Reference::parse(text, defaults) == reference, "parse(to_string(x)) is x");
  require(Reference::parse(text, defaults).to_string() == text, "to_string() is stable");
  require(reference.name().size() <= 255, "registry and repository are at most 255 characters");
  require(text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "._-:/@[]") == text.npos,
          "the characters are those of the grammar");
  require(('/' + reference.repository() + '/').find("/../") == std::string::npos,
          "no part leads out of a path");
  require(!reference.tag() || reference.tag()->size() <= 128, "a tag has at most 128 characters");
  require(reference.with_digest(vmkit::digest_of(text)).name() == reference.name(),
          "a digest does not change the name");
  if (reference.tag()) require(reference.with_tag(*reference.tag()) == reference, "a tag is a tag");
}

const vmkit::fuzz::Target target("reference", [](std::string_view input) {
  Reference::try_parse(input);
  accepts({Errc::invalid_argument}, [&] {
    const Reference reference = Reference::parse(input);
    check(reference, {});
    require(reference.tag() || reference.digest(), "the default tag is added");
    require(Reference::parse(reference.familiar()) == reference, "parse(familiar()) is x");
    for (const ReferenceDefaults& other :
         {ReferenceDefaults{"", "", ""}, ReferenceDefaults{"example.com", "x", "y"}}) {
      check(reference, other);
    }
  });
  // The host application's own rules: the first line the reference, the others the defaults.
  const std::size_t first = input.find('\n');
  if (first == input.npos) return;
  const std::size_t second = input.find('\n', first + 1);
  ReferenceDefaults defaults;
  defaults.registry = std::string(input.substr(first + 1, second - first - 1));
  defaults.tag = second == input.npos ? "" : std::string(input.substr(second + 1));
  accepts({Errc::invalid_argument},
          [&] { check(Reference::parse(input.substr(0, first), defaults), defaults); });
});

}  // namespace
