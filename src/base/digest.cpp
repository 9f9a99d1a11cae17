// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <openssl/evp.h>

#include <vmkit/base/digest.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit {
namespace {

constexpr std::size_t hex_length(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::sha256 ? 64 : 128;
}

std::optional<DigestAlgorithm> algorithm_named(std::string_view name) {
  if (name == "sha256") return DigestAlgorithm::sha256;
  if (name == "sha512") return DigestAlgorithm::sha512;
  return std::nullopt;
}

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string_view to_string(DigestAlgorithm algorithm) noexcept {
  return algorithm == DigestAlgorithm::sha256 ? "sha256" : "sha512";
}

std::optional<Digest> Digest::try_parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto algorithm = algorithm_named(text.substr(0, colon));
  const std::string_view hex = text.substr(colon + 1);
  if (!algorithm || hex.size() != hex_length(*algorithm) || !is_lower_hex(hex)) {
    return std::nullopt;
  }
  return Digest(*algorithm, std::string(hex));
}

Digest Digest::parse(std::string_view text) {
  if (auto digest = try_parse(text)) return *digest;
  throw Error(Errc::invalid_argument,
              "digest \"" + std::string(text.substr(0, 160)) +
                  "\": expected sha256: and 64 lower-case hex digits, or sha512: and 128");
}

std::string Digest::to_string() const {
  std::string text(vmkit::to_string(algorithm_));
  text += ':';
  text += hex_;
  return text;
}

struct Hasher::Impl {
  explicit Impl(DigestAlgorithm wanted) : algorithm(wanted), context(EVP_MD_CTX_new()) { start(); }
  ~Impl() { EVP_MD_CTX_free(context); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start() {
    const EVP_MD* type = algorithm == DigestAlgorithm::sha256 ? EVP_sha256() : EVP_sha512();
    if (context == nullptr || EVP_DigestInit_ex(context, type, nullptr) != 1) {
      throw Error(Errc::internal, "cannot start a digest: libcrypto refused");
    }
  }

  DigestAlgorithm algorithm;
  EVP_MD_CTX* context;
};

Hasher::Hasher(DigestAlgorithm algorithm) : impl_(std::make_unique<Impl>(algorithm)) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> data) {
  if (EVP_DigestUpdate(impl_->context, data.data(), data.size()) != 1) {
    throw Error(Errc::internal, "cannot update a digest: libcrypto refused");
  }
}

Digest Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw;
  unsigned int length = 0;
  if (EVP_DigestFinal_ex(impl_->context, raw.data(), &length) != 1) {
    throw Error(Errc::internal, "cannot finish a digest: libcrypto refused");
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * length);
  for (unsigned int i = 0; i < length; ++i) {
    hex += digits[raw[i] >> 4];
    hex += digits[raw[i] & 15];
  }
  impl_->start();
  return Digest(impl_->algorithm, std::move(hex));
}

Digest digest_of(std::string_view data, DigestAlgorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(data);
  return hasher.finish();
}

}  // namespace vmkit
