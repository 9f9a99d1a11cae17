// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "oci/document/ascii.hpp"
#include "oci/registry/blob_fetch.hpp"
#include "oci/registry/registry_client_impl.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

std::string manifest_url(const Registry& registry, const Reference& reference) {
  return repository_url(registry, reference) + "manifests/" + reference.manifest_name();
}

/// "application/json" of "Application/json; charset=utf-8".
std::string bare_media_type(const std::string& header) {
  return ascii_lower(header.substr(0, header.find_first_of("; \t")));
}

/// The document of an answer, if that is what was asked for.
ManifestDocument checked_manifest(const Reference& reference, const Answer& answer,
                                  std::string content) {
  const std::string what = "image " + reference.to_string();
  if (!answer.ok()) {
    const Error error = error_of(answer, what);
    if (error.code() != Errc::not_found) throw error;
    throw Error(
        Errc::not_found,
        std::string(error.what()) + (reference.digest() ? "; check registry, repository and digest"
                                                        : "; check registry, repository and tag"),
        error.native());
  }
  const auto announced = announced_digest(answer.response);
  const Digest found = digest_of(content, reference.digest() ? reference.digest()->algorithm()
                                          : announced        ? announced->algorithm()
                                                             : DigestAlgorithm::sha256);
  for (const auto& expected : {reference.digest(), announced}) {
    if (!expected) continue;
    // Asked by sha512 a registry may still announce a sha256.
    const Digest same_kind = expected->algorithm() == found.algorithm()
                                 ? found
                                 : digest_of(content, expected->algorithm());
    if (same_kind == *expected) continue;
    throw Error(Errc::data_corruption, what + ": expected a manifest with the digest " +
                                           expected->to_string() + ", found one with " +
                                           same_kind.to_string());
  }
  const std::string sent_as = bare_media_type(answer.response.header("content-type"));
  const bool known = media_type::is_index(sent_as) || media_type::is_manifest(sent_as);
  std::string type = known ? sent_as : document_type(content, what);
  return {Descriptor{std::move(type), found, ByteSize(content.size())}, std::move(content)};
}

}  // namespace

RegistryClient::RegistryClient(RegistryClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
RegistryClient::RegistryClient(RegistryClient&&) noexcept = default;
RegistryClient& RegistryClient::operator=(RegistryClient&&) noexcept = default;
RegistryClient::~RegistryClient() = default;

std::optional<Digest> RegistryClient::manifest_digest(const Reference& reference,
                                                      const CallOptions& options) {
  const std::string what = "image " + reference.to_string();
  const auto ask = [&](const Registry& registry, const RetryOptions& retry) {
    const HttpRequest request{
        HttpMethod::head, manifest_url(registry, reference), {accepted_manifests()}};
    const Answer answer =
        impl_->settle(registry, pull_scope(reference), request, {}, retry, what, options);
    if (answer.response.failure) throw error_of(answer, what);
    return answer.ok() ? announced_digest(answer.response) : std::nullopt;
  };
  for (const Registry& mirror : impl_->mirrors_of(reference)) {
    try {
      if (const auto digest = ask(mirror, impl_->mirror_retry)) return digest;
    } catch (const Error& error) {
      if (ends_call(error)) throw;
      impl_->mirror_failed(mirror, error);
    }
  }
  return ask(impl_->registry_of(reference), impl_->options.retry);
}

ManifestDocument RegistryClient::fetch_manifest(const Reference& reference,
                                                const CallOptions& options) {
  const std::string what = "image " + reference.to_string();
  const auto fetch = [&](const Registry& registry, const RetryOptions& retry) {
    const HttpRequest request{
        HttpMethod::get, manifest_url(registry, reference), {accepted_manifests()}, true};
    auto document = impl_->fetch_document(registry, pull_scope(reference), request, retry,
                                          what + ": manifest", options);
    return checked_manifest(reference, document.answer, std::move(document.content));
  };
  for (const Registry& mirror : impl_->mirrors_of(reference)) {
    try {
      return fetch(mirror, impl_->mirror_retry);
    } catch (const Error& error) {
      if (ends_call(error)) throw;
      impl_->mirror_failed(mirror, error);
    }
  }
  return fetch(impl_->registry_of(reference), impl_->options.retry);
}

void RegistryClient::fetch_blob(const Reference& repository, const Descriptor& descriptor,
                                Sink& sink, const CallOptions& options) {
  fetch_blob_from(*impl_, repository, descriptor, 0, sink, true, options);
}

void RegistryClient::fetch_rest_of_blob(const Reference& repository, const Descriptor& descriptor,
                                        std::uint64_t offset, Sink& sink,
                                        const CallOptions& options) {
  if (offset > descriptor.size.bytes()) {
    throw Error(Errc::invalid_argument,
                "blob " + descriptor.digest.to_string() + ": the offset is behind its end");
  }
  fetch_blob_from(*impl_, repository, descriptor, offset, sink, false, options);
}

bool RegistryClient::has_blob(const Reference& repository, const Descriptor& descriptor,
                              const CallOptions& options) {
  const Registry registry = impl_->registry_of(repository);
  return blob_is_there(*impl_, registry, pull_scope(repository), repository, descriptor, options);
}

bool RegistryClient::has_manifest(const Reference& reference, const Digest& digest,
                                  const CallOptions& options) {
  const Registry registry = impl_->registry_of(reference);
  const std::string what = "image " + reference.to_string();
  const HttpRequest request{
      HttpMethod::head,
      repository_url(registry, reference) + "manifests/" + stored_as(reference),
      {accepted_manifests()}};
  const Answer answer = impl_->settle(registry, push_scope(reference), request, {},
                                      impl_->options.retry, what, options);
  if (answer.ok()) {
    if (const auto announced = announced_digest(answer.response)) return *announced == digest;
    // It does not tell, but what it has under a digest is that.
    return stored_as(reference) == digest.to_string();
  }
  const Error error = error_of(answer, what);
  if (error.code() == Errc::not_found) return false;
  throw error;
}

}  // namespace vmkit::oci
