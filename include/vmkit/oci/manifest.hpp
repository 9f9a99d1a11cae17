// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/oci/platform.hpp>

namespace vmkit::oci {

/// The longest manifest, index or configuration that is read; longer ones are refused. Registries
/// need not store more either.
inline constexpr ByteSize longest_document = ByteSize(4 << 20);
/// More layers of one image are refused.
inline constexpr std::size_t most_layers = 1024;

/// Points to a blob: what it is, how long, and its digest. Sizes are below 2^63.
struct Descriptor {
  std::string media_type;
  Digest digest;
  ByteSize size;
  std::optional<Platform> platform = {};  ///< Normalised. In an index.
  std::string artifact_type = {};
  std::map<std::string, std::string> annotations = {};

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

/// An image index (OCI) or manifest list (Docker): the manifests of one image for several
/// platforms.
struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations = {};

  /// Reads hostile JSON: bounded in size, nesting and number of values; no duplicate keys; each
  /// field of its type. `what` names the document in errors, for example by digest. `media_type`
  /// is what the sender called it, which the document must not contradict; empty: not known.
  /// Throws data_corruption, naming the field, what was expected and what was found.
  static Index parse(std::string_view json, std::string_view what,
                     std::string_view media_type = {});
};

/// An image manifest: one configuration and the layers, the lowest first.
struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::string artifact_type = {};
  std::optional<Descriptor> subject = {};
  std::map<std::string, std::string> annotations = {};

  /// As Index::parse. At most most_layers.
  static Manifest parse(std::string_view json, std::string_view what,
                        std::string_view media_type = {});
};

/// Which of the two a document is: the media type that `json` itself tells or, where it tells none
/// (OCI allows that), the one that its fields imply. Throws data_corruption if it is neither,
/// unsupported for Docker's schema 1.
std::string document_type(std::string_view json, std::string_view what);

}  // namespace vmkit::oci
