// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace vmkit::agent {

/// The first bytes of a session, in each direction. A virtio-serial port delivers what an earlier
/// client left in it, so each end skips everything until it finds the other's preamble: the host's
/// brings a random nonce, and only the answer with the same nonce is the answer to it.
struct Preamble {
  enum class Kind : std::uint8_t { hello = 1, answer = 2 };
  using Nonce = std::array<std::byte, 16>;
  static constexpr std::size_t size = 32;

  Kind kind;
  std::uint32_t version;
  Nonce nonce;

  std::array<std::byte, size> encode() const;
};

/// Sent before a repeated hello, so that it cannot be taken for the rest of a frame that the agent
/// still waits for: no frame may be longer than this. No frame begins with this byte.
inline constexpr std::byte preamble_padding{0xff};
inline constexpr std::size_t preamble_padding_size = 256 * 1024;

/// Finds preambles of one kind among any other bytes. Confined.
class PreambleScanner {
 public:
  explicit PreambleScanner(Preamble::Kind kind) : kind_(kind) {}

  /// Eats `input` up to and including the next preamble of the kind, and returns that; eats all
  /// of it if there is none yet.
  std::optional<Preamble> scan(std::span<const std::byte>& input);
  /// The last bytes may be the beginning of a preamble.
  bool partial() const { return filled_ != 0; }

 private:
  bool is_prefix() const;

  Preamble::Kind kind_;
  std::array<std::byte, Preamble::size> seen_{};
  std::size_t filled_ = 0;
};

}  // namespace vmkit::agent
