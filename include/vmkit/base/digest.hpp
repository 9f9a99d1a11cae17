// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vmkit {

enum class DigestAlgorithm { sha256, sha512 };

std::string_view to_string(DigestAlgorithm algorithm) noexcept;

/// A content digest as the OCI image specification writes it: "sha256:" and 64 lower-case hex
/// digits (sha512: 128). Always well-formed, so its parts are safe in a path.
class Digest {
 public:
  /// Throws invalid_argument, naming what is wrong with `text`.
  static Digest parse(std::string_view text);
  static std::optional<Digest> try_parse(std::string_view text);

  DigestAlgorithm algorithm() const noexcept { return algorithm_; }
  /// The hex digits alone.
  const std::string& hex() const noexcept { return hex_; }
  std::string to_string() const;

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  friend class Hasher;
  Digest(DigestAlgorithm algorithm, std::string hex)
      : algorithm_(algorithm), hex_(std::move(hex)) {}

  DigestAlgorithm algorithm_;
  std::string hex_;
};

/// Computes a Digest over bytes given piece by piece. Confined; move-only.
class Hasher {
 public:
  explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::sha256);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  void update(std::span<const std::byte> data);
  void update(std::string_view text) { update(std::as_bytes(std::span(text))); }

  /// The digest of all bytes so far. Afterwards the Hasher starts anew.
  Digest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The digest of `data` in one call.
Digest digest_of(std::string_view data, DigestAlgorithm algorithm = DigestAlgorithm::sha256);

}  // namespace vmkit

/// So that digests can be keys of unordered containers.
template <>
struct std::hash<vmkit::Digest> {
  std::size_t operator()(const vmkit::Digest& digest) const noexcept {
    return std::hash<std::string>{}(digest.hex());
  }
};
