// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include <vmkit/base/digest.hpp>

namespace vmkit::oci {

/// What Reference::parse adds to a name that leaves something out. The defaults are Docker Hub's,
/// which people mean by "alpine". A host application with other rules passes its own; an empty
/// `registry` refuses names without a registry, an empty `tag` adds none. A `registry` must be one
/// that reads as such: see Reference.
struct ReferenceDefaults {
  std::string registry = "docker.io";
  /// Put before a one-part repository, on the registry "docker.io" only: "library/alpine".
  std::string docker_hub_namespace = "library";
  std::string tag = "latest";
};

/// The name of an image: `REGISTRY/REPOSITORY[:TAG][@DIGEST]`, by the grammar of the distribution
/// project. Always well-formed and complete, so that its parts are safe in a URL path. A value:
/// thread-compatible.
///
///     registry    host or [IPv6 address], with or without :port
///     repository  parts separated by "/"; each of lower-case letters and digits, with ".", "_",
///                 "__" or any number of "-" between them
///     tag         1 to 128 of letters, digits, "_", "." and "-", not beginning with "." or "-"
///     digest      "sha256:" or "sha512:" and lower-case hex digits
///
/// Registry and repository together have at most 255 characters. The part before the first "/" is
/// a registry if it contains "." or ":", is "localhost", or has an upper-case letter; otherwise it
/// belongs to the repository and the registry is the default. "index.docker.io" is "docker.io".
/// A tag is added only where there is neither tag nor digest.
class Reference {
 public:
  /// Throws invalid_argument, saying which part is wrong and why.
  static Reference parse(std::string_view text, const ReferenceDefaults& defaults = {});
  static std::optional<Reference> try_parse(std::string_view text,
                                            const ReferenceDefaults& defaults = {});

  /// "docker.io", "ghcr.io", "[::1]:5000".
  const std::string& registry() const noexcept { return registry_; }
  /// "library/alpine".
  const std::string& repository() const noexcept { return repository_; }
  const std::optional<std::string>& tag() const noexcept { return tag_; }
  const std::optional<Digest>& digest() const noexcept { return digest_; }

  /// Where the registry is spoken to: registry(), except that Docker Hub, known as "docker.io", is
  /// at "registry-1.docker.io".
  std::string registry_host() const;

  /// What a manifest is asked by: the digest if there is one, else the tag.
  std::string manifest_name() const;

  /// Registry and repository.
  std::string name() const { return registry_ + '/' + repository_; }

  /// The complete form; parse() gives back an equal Reference, by the rules that made this one,
  /// and if those added a tag and a Docker Hub namespace, by any others.
  std::string to_string() const;

  /// The short form that people type: to_string() without what the default rules would add.
  std::string familiar() const;

  Reference with_tag(std::string_view tag) const;  ///< Throws invalid_argument.
  Reference with_digest(Digest digest) const;

  friend auto operator<=>(const Reference&, const Reference&) = default;

 private:
  Reference() = default;

  std::string registry_;
  std::string repository_;
  std::optional<std::string> tag_;
  std::optional<Digest> digest_;
};

}  // namespace vmkit::oci
