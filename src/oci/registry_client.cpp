// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <utility>

#include "oci/registry_client_impl.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

/// So much more of a blob shows that a connection that breaks still gets somewhere.
constexpr std::uint64_t worthwhile_progress = 1 << 20;

std::string pull_scope(const Reference& repository) {
  return "repository:" + repository.repository() + ":pull";
}

std::string manifest_url(const Registry& registry, const Reference& reference) {
  return registry.base_url() + "/v2/" + reference.repository() + "/manifests/" +
         reference.manifest_name();
}

std::string accepted_manifests() {
  std::string header = "Accept: ";
  for (const auto type : {media_type::oci_index, media_type::oci_manifest, media_type::docker_index,
                          media_type::docker_manifest}) {
    header += std::string(type) + ", ";
  }
  return header + "*/*;q=0.1";
}

/// "application/json" of "Application/json; charset=utf-8".
std::string bare_media_type(const std::string& header) {
  std::string type = header.substr(0, header.find_first_of("; \t"));
  std::transform(type.begin(), type.end(), type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type;
}

/// What the header Docker-Content-Digest says. One in a form that we do not know says nothing.
std::optional<Digest> announced_digest(const HttpResponse& response) {
  return Digest::try_parse(response.header("docker-content-digest"));
}

struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;
};

/// "bytes 10-99/100" or "bytes 10-99/*".
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  ContentRange range;
  std::uint64_t last = 0;
  const char* const end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, range.first);
  if (error != std::errc() || at == end || *at != '-') return std::nullopt;
  const auto second = std::from_chars(at + 1, end, last);
  at = second.ptr;
  error = second.ec;
  if (error != std::errc() || at == end || *at != '/') return std::nullopt;
  std::uint64_t total = 0;
  if (const auto result = std::from_chars(at + 1, end, total); result.ec == std::errc()) {
    range.total = total;
  }
  return range;
}

/// Takes the bodies of all attempts at one blob and gives the sink each byte once. Confined.
class BlobReceiver {
 public:
  BlobReceiver(const Descriptor& descriptor, Sink& sink, std::uint64_t offset)
      : descriptor_(descriptor), sink_(sink), received_(offset) {}

  std::uint64_t received() const { return received_; }
  bool complete() const { return received_ == descriptor_.size.bytes(); }
  bool wants_range() const { return received_ > 0 && ranges_work_; }
  void without_ranges() { ranges_work_ = false; }

  void begin_attempt() { position_.reset(); }

  void take(const HttpResponse& response, std::span<const std::byte> data) {
    if (!position_) position_ = begin_body(response);
    if (data.size() > descriptor_.size.bytes() - *position_) {
      fail("expected " + std::to_string(descriptor_.size.bytes()) + " bytes, found more");
    }
    // What came in an earlier attempt is not given twice.
    const std::uint64_t known = std::min<std::uint64_t>(received_ - *position_, data.size());
    *position_ += data.size();
    if (known == data.size()) return;
    sink_.write(data.subspan(known));
    received_ = *position_;
  }

  /// Whether the answer, which had no body, could be a part of the blob.
  void check_empty(const HttpResponse& response) {
    if (!position_) position_ = begin_body(response);
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(Errc::data_corruption, "blob " + descriptor_.digest.to_string() + ": " + problem);
  }

 private:
  /// Where in the blob this answer's body begins.
  std::uint64_t begin_body(const HttpResponse& response) {
    const std::uint64_t size = descriptor_.size.bytes();
    std::uint64_t first = 0;
    if (response.status == 206) {
      const auto range = parse_content_range(response.header("content-range"));
      if (!range || range->first != received_ || range->total.value_or(size) != size) {
        fail("asked for its bytes from " + std::to_string(received_) + " of " +
             std::to_string(size) + ", the registry sent \"" +
             response.header("content-range").substr(0, 60) + "\"");
      }
      first = range->first;
    }
    if (response.content_length && *response.content_length != size - first) {
      fail("expected " + std::to_string(size - first) + " bytes, the registry announces " +
           std::to_string(*response.content_length));
    }
    return first;
  }

  const Descriptor& descriptor_;
  Sink& sink_;
  std::uint64_t received_;
  std::optional<std::uint64_t> position_;  // in the blob, of the attempt that runs
  bool ranges_work_ = true;
};

/// Passes on and hashes.
class HashingSink : public Sink {
 public:
  HashingSink(Sink& next, DigestAlgorithm algorithm) : next_(next), hasher_(algorithm) {}
  void write(std::span<const std::byte> data) override {
    hasher_.update(data);
    next_.write(data);
  }
  Digest finish() { return hasher_.finish(); }

 private:
  Sink& next_;
  Hasher hasher_;
};

}  // namespace

RegistryClient::Impl::Impl(RegistryClientOptions given)
    : options(std::move(given)), exchanger(options), authorizer(options, exchanger) {
  if (options.retry.attempts < 1) {
    throw Error(Errc::invalid_argument, "retry.attempts: expected at least 1, found " +
                                            std::to_string(options.retry.attempts));
  }
}

Registry RegistryClient::Impl::registry_of(const Reference& reference) const {
  const auto found = options.hosts.find(reference.registry());
  return {reference.registry(), reference.registry_host(),
          found == options.hosts.end() ? options.defaults : found->second};
}

Answer RegistryClient::Impl::send(const Registry& registry, const std::string& scope,
                                  HttpRequest request, const HttpBody& body,
                                  const CallOptions& call) {
  request.ca_file = registry.options.ca_file;
  request.proxy = registry.options.proxy;
  std::string authorization = authorizer.current(registry, scope, call);
  // A cached token may have been revoked: it is renewed once. A fresh one that is refused is not
  // worth another.
  for (int renewals = 0;; ++renewals) {
    Answer answer = exchanger.send(request, authorization, body, call);
    if (answer.response.failure || answer.response.status != 401 || !answer.same_origin) {
      return answer;
    }
    if (renewals == 1) throw authorizer.refused(registry, scope, answer, call);
    authorization = authorizer.renew(registry, scope, authorization, answer.response, call);
  }
}

RegistryClient::RegistryClient(RegistryClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
RegistryClient::RegistryClient(RegistryClient&&) noexcept = default;
RegistryClient& RegistryClient::operator=(RegistryClient&&) noexcept = default;
RegistryClient::~RegistryClient() = default;

std::optional<Digest> RegistryClient::manifest_digest(const Reference& reference,
                                                      const CallOptions& options) {
  const Registry registry = impl_->registry_of(reference);
  const std::string what = "image " + reference.to_string();
  HttpRequest request{HttpMethod::head, manifest_url(registry, reference), {accepted_manifests()}};
  Backoff backoff(impl_->options.retry, impl_->exchanger.log());
  for (;;) {
    const Answer answer = impl_->send(registry, pull_scope(reference), request, {}, options);
    if (answer.ok()) return announced_digest(answer.response);
    if (!answer.transient()) {
      if (answer.response.failure) throw error_of(answer, what);
      return std::nullopt;
    }
    backoff.pause(error_of(answer, what), answer.response, options);
  }
}

ManifestDocument RegistryClient::fetch_manifest(const Reference& reference,
                                                const CallOptions& options) {
  const Registry registry = impl_->registry_of(reference);
  const std::string what = "image " + reference.to_string();
  HttpRequest request{
      HttpMethod::get, manifest_url(registry, reference), {accepted_manifests()}, true};
  std::string content;
  const HttpBody collect = [&](const HttpResponse& response, std::span<const std::byte> data) {
    const std::uint64_t limit = longest_document.bytes();
    if (response.content_length.value_or(0) > limit || content.size() + data.size() > limit) {
      throw Error(Errc::data_corruption, what + ": expected a manifest of at most " +
                                             to_string(longest_document) + ", found more");
    }
    content.append(reinterpret_cast<const char*>(data.data()), data.size());
  };
  Backoff backoff(impl_->options.retry, impl_->exchanger.log());
  Answer answer;
  for (;;) {
    content.clear();
    answer = impl_->send(registry, pull_scope(reference), request, collect, options);
    if (!answer.transient()) break;
    backoff.pause(error_of(answer, what), answer.response, options);
  }
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

void RegistryClient::fetch_blob(const Reference& repository, const Descriptor& descriptor,
                                Sink& sink, const CallOptions& options) {
  HashingSink hashing(sink, descriptor.digest.algorithm());
  fetch_rest_of_blob(repository, descriptor, 0, hashing, options);
  if (const Digest found = hashing.finish(); found != descriptor.digest) {
    throw Error(Errc::data_corruption, "blob " + descriptor.digest.to_string() +
                                           ": its content has the digest " + found.to_string());
  }
}

void RegistryClient::fetch_rest_of_blob(const Reference& repository, const Descriptor& descriptor,
                                        std::uint64_t offset, Sink& sink,
                                        const CallOptions& options) {
  const Registry registry = impl_->registry_of(repository);
  const std::string what = "blob " + descriptor.digest.to_string() + " of " + repository.name();
  if (offset > descriptor.size.bytes()) {
    throw Error(Errc::invalid_argument, what + ": the offset is behind its end");
  }
  BlobReceiver receiver(descriptor, sink, offset);
  const HttpBody take = [&](const HttpResponse& response, std::span<const std::byte> data) {
    receiver.take(response, data);
  };
  Backoff backoff(impl_->options.retry, impl_->exchanger.log());
  std::uint64_t last_progress = offset;
  while (!receiver.complete()) {
    HttpRequest request{HttpMethod::get, registry.base_url() + "/v2/" + repository.repository() +
                                             "/blobs/" + descriptor.digest.to_string()};
    // Not even a proxy on the way may pack what is packed already.
    request.headers = {"Accept-Encoding: identity"};
    const bool ranged = receiver.wants_range();
    if (ranged)
      request.headers.push_back("Range: bytes=" + std::to_string(receiver.received()) + '-');
    receiver.begin_attempt();
    const Answer answer = impl_->send(registry, pull_scope(repository), request, take, options);
    if (answer.ok() && receiver.complete()) break;
    if (answer.ok()) receiver.check_empty(answer.response);
    if (ranged && answer.response.status == 416) {
      receiver.without_ranges();
      continue;
    }
    if (!answer.ok() && !answer.transient()) throw error_of(answer, what);

    if (receiver.received() - last_progress >= worthwhile_progress) {
      last_progress = receiver.received();
      backoff.reset();
    }
    const Error error = answer.ok()
                            ? Error(Errc::data_corruption,
                                    what + ": expected " + std::to_string(descriptor.size.bytes()) +
                                        " bytes, found " + std::to_string(receiver.received()))
                            : error_of(answer, what);
    backoff.pause(error, answer.response, options);
  }
}

}  // namespace vmkit::oci
