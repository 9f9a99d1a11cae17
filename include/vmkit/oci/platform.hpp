// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vmkit::oci {

/// What an image runs on, in the words of the OCI image specification (and of Go): "linux",
/// "arm64", "v8". A value.
struct Platform {
  std::string os = "linux";
  std::string architecture;
  std::string variant = {};     ///< Empty: none, or the one that the architecture implies.
  std::string os_version = {};  ///< Only kept; Linux images have none.

  /// Reads OS/ARCHITECTURE[/VARIANT] and normalises it. Throws invalid_argument.
  static Platform parse(std::string_view text);

  /// Linux on the processor architecture of this machine: what its virtual machines run natively,
  /// whatever the host's own system is. Never names an amd64 variant: those are the caller's
  /// choice, because an emulated processor may have less than the host's.
  static Platform host();

  /// One spelling for each platform: lower case; x86_64 is amd64, aarch64 is arm64, i386 is 386;
  /// arm64/v8 and amd64/v1 lose their variant, arm without one is arm/v7.
  Platform normalized() const;

  /// "linux/arm64", "linux/arm/v7".
  std::string to_string() const;

  friend auto operator<=>(const Platform&, const Platform&) = default;
};

/// How well a machine of platform `wanted` runs images for `offered`: nullopt if not at all,
/// otherwise the smaller the better, 0 for the same. A newer variant of arm, arm64 or amd64 runs
/// images for the older ones, never the other way round: v7 runs on arm/v8, v2 on amd64/v4. Other
/// architectures are not mixed: a 64-bit ARM machine need not run 32-bit programs.
std::optional<int> match_distance(const Platform& wanted, const Platform& offered);

/// The index of the best of `offered`, the first among equals; nullopt if none fits. An entry
/// without a platform never fits.
std::optional<std::size_t> best_match(const Platform& wanted,
                                      std::span<const std::optional<Platform>> offered);

}  // namespace vmkit::oci
