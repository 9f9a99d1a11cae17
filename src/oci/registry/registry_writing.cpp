// SPDX-License-Identifier: Apache-2.0
#include "oci/registry/referrers_tag.hpp"
#include "oci/registry/registry_client_impl.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

std::string delete_scope(const Reference& repository) {
  return "repository:" + repository.repository() + ":delete";
}

void delete_at(RegistryAccess& access, const Reference& repository, const std::string& path,
               const std::string& what, const CallOptions& call) {
  const Registry registry = access.registry_of(repository);
  const HttpRequest request{HttpMethod::delete_, repository_url(registry, repository) + path};
  const Answer answer = access.settle(registry, delete_scope(repository), request, {},
                                      access.options.retry, what, call);
  if (!answer.ok()) throw error_of(answer, what);
}

}  // namespace

Descriptor RegistryClient::push_manifest(const Reference& reference, const std::string& media_type,
                                         std::string_view content, const CallOptions& options) {
  const std::string what = "image " + reference.to_string();
  if (content.size() > longest_document.bytes()) {
    throw Error(Errc::invalid_argument, what + ": expected a manifest of at most " +
                                            to_string(longest_document) + ", found " +
                                            std::to_string(content.size()) + " bytes");
  }
  const Digest digest = digest_of(
      content, reference.digest() ? reference.digest()->algorithm() : DigestAlgorithm::sha256);
  if (reference.digest() && *reference.digest() != digest) {
    throw Error(Errc::invalid_argument,
                what + ": the manifest has another digest, " + digest.to_string());
  }
  const Registry registry = impl_->registry_of(reference);
  HttpRequest request{HttpMethod::put,
                      repository_url(registry, reference) + "manifests/" + stored_as(reference)};
  request.headers = {"Content-Type: " + media_type};
  request.payload = HttpPayload::of(std::string(content));
  const Answer answer = impl_->settle(registry, push_scope(reference), request, {},
                                      impl_->options.retry, what, options);
  if (!answer.ok()) throw error_of(answer, what);
  check_announced(answer, digest, what);
  Descriptor pushed{media_type, digest, ByteSize(content.size())};
  // A registry that keeps the list of referrers itself says whose it has put this one on.
  if (const auto subject = Digest::try_parse(subject_of(content));
      subject && answer.response.header("oci-subject").empty()) {
    add_to_referrers_tag(*this, reference, *subject, pushed, content, options);
  }
  return pushed;
}

void RegistryClient::delete_manifest(const Reference& reference, const CallOptions& options) {
  const std::string what = "delete manifest " + reference.to_string();
  if (!reference.digest()) {
    throw Error(Errc::invalid_argument,
                what + ": expected a reference with a digest; see manifest_digest");
  }
  delete_at(*impl_, reference, "manifests/" + reference.digest()->to_string(), what, options);
}

void RegistryClient::delete_tag(const Reference& reference, const CallOptions& options) {
  const std::string what = "delete tag " + reference.to_string();
  if (!reference.tag()) {
    throw Error(Errc::invalid_argument, what + ": expected a reference with a tag");
  }
  try {
    delete_at(*impl_, reference, "manifests/" + *reference.tag(), what, options);
  } catch (const Error& error) {
    // Where only digests can be deleted, registries take the tag for a bad one.
    if (error.native() != NativeError{ErrorDomain::http, 400}) throw;
    throw Error(Errc::unsupported,
                std::string(error.what()) + "; this registry may only delete by digest",
                error.native());
  }
}

void RegistryClient::delete_blob(const Reference& repository, const Digest& digest,
                                 const CallOptions& options) {
  delete_at(*impl_, repository, "blobs/" + digest.to_string(),
            "delete blob " + digest.to_string() + " of " + repository.name(), options);
}

}  // namespace vmkit::oci
