// SPDX-License-Identifier: Apache-2.0
#include "oci/registry/registry_access.hpp"

#include <utility>

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

constexpr std::chrono::seconds mirror_rest{60};

RetryOptions once(RetryOptions retry) {
  retry.attempts = 1;
  return retry;
}

}  // namespace

RegistryAccess::RegistryAccess(RegistryClientOptions given)
    : options(std::move(given)),
      exchanger(options),
      authorizer(options, exchanger),
      mirror_retry(once(options.retry)) {
  if (options.retry.attempts < 1) {
    throw Error(Errc::invalid_argument, "retry.attempts: expected at least 1, found " +
                                            std::to_string(options.retry.attempts));
  }
}

Registry RegistryAccess::registry_of(const Reference& reference) const {
  const auto found = options.hosts.find(reference.registry());
  return {reference.registry(), reference.registry_host(),
          found == options.hosts.end() ? options.defaults : found->second};
}

std::vector<Registry> RegistryAccess::mirrors_of(const Reference& reference) {
  std::vector<Registry> result;
  for (const std::string& name : registry_of(reference).options.mirrors) {
    const auto at_mirror = Reference::try_parse(name + '/' + reference.repository());
    if (!at_mirror || at_mirror->repository() != reference.repository()) {
      throw Error(Errc::invalid_argument, "mirrors of \"" + reference.registry() +
                                              "\": expected a host with or without a port, found "
                                              "\"" +
                                              name + '"');
    }
    result.push_back(registry_of(*at_mirror));
  }
  const std::lock_guard lock(mirrors_mutex_);
  const auto now = Clock::now();
  std::erase_if(result, [&](const Registry& mirror) {
    const auto found = resting_until_.find(mirror.base_url());
    return found != resting_until_.end() && now < found->second;
  });
  return result;
}

void RegistryAccess::mirror_failed(const Registry& mirror, const Error& error) {
  exchanger.log().warning("mirror failed", {{"mirror", mirror.host}, {"error", error.what()}});
  if (error.code() != Errc::unavailable) return;
  const std::lock_guard lock(mirrors_mutex_);
  resting_until_[mirror.base_url()] = Clock::now() + mirror_rest;
}

void RegistryAccess::distrust(const Registry& mirror) {
  exchanger.log().warning("mirror gave wrong bytes and is not asked again",
                          {{"mirror", mirror.host}});
  const std::lock_guard lock(mirrors_mutex_);
  resting_until_[mirror.base_url()] = Clock::time_point::max();
}

Answer RegistryAccess::send(const Registry& registry, const std::string& scope, HttpRequest request,
                            const HttpBody& body, const CallOptions& call) {
  registry.configure(request);
  if (!registry.owns(request.url)) {
    Answer answer = exchanger.send(std::move(request), {}, body, call);
    answer.same_origin = false;
    return answer;
  }
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

Answer RegistryAccess::settle(const Registry& registry, const std::string& scope,
                              const HttpRequest& request, const HttpBody& body,
                              const RetryOptions& retry, std::string_view what,
                              const CallOptions& call, const std::function<void()>& reset) {
  Backoff backoff(retry, exchanger.log());
  for (;;) {
    if (reset) reset();
    Answer answer = send(registry, scope, request, body, call);
    if (!answer.transient()) return answer;
    backoff.pause(error_of(answer, what), answer.response, call);
  }
}

RegistryAccess::Document RegistryAccess::fetch_document(
    const Registry& registry, const std::string& scope, const HttpRequest& request,
    const RetryOptions& retry, std::string_view what, const CallOptions& call) {
  Document document;
  std::string& content = document.content;
  const HttpBody collect = [&](const HttpResponse& response, std::span<const std::byte> data) {
    const std::uint64_t limit = longest_document.bytes();
    if (response.content_length.value_or(0) > limit || content.size() + data.size() > limit) {
      throw Error(Errc::data_corruption, std::string(what) + ": expected at most " +
                                             to_string(longest_document) + ", found more");
    }
    content.append(reinterpret_cast<const char*>(data.data()), data.size());
  };
  document.answer =
      settle(registry, scope, request, collect, retry, what, call, [&content] { content.clear(); });
  return document;
}

bool ends_call(const Error& error) {
  return error.code() == Errc::cancelled || error.code() == Errc::timeout;
}

std::string pull_scope(const Reference& repository) {
  return "repository:" + repository.repository() + ":pull";
}

std::string push_scope(const Reference& repository) {
  return "repository:" + repository.repository() + ":pull,push";
}

std::string repository_url(const Registry& registry, const Reference& repository) {
  return registry.base_url() + "/v2/" + repository.repository() + '/';
}

std::string stored_as(const Reference& reference) {
  return reference.tag() ? *reference.tag() : reference.manifest_name();
}

bool blob_is_there(RegistryAccess& access, const Registry& registry, const std::string& scope,
                   const Reference& repository, const Descriptor& descriptor,
                   const CallOptions& call) {
  const std::string what = "blob " + descriptor.digest.to_string() + " of " + repository.name();
  const HttpRequest request{HttpMethod::head, repository_url(registry, repository) + "blobs/" +
                                                  descriptor.digest.to_string()};
  const Answer answer =
      access.settle(registry, scope, request, {}, access.options.retry, what, call);
  if (answer.ok()) {
    // Some proxies say 0 for whatever has no body here.
    const std::uint64_t length = answer.response.content_length.value_or(0);
    if (length != 0 && length != descriptor.size.bytes()) {
      throw Error(Errc::data_corruption, what + ": expected " +
                                             std::to_string(descriptor.size.bytes()) +
                                             " bytes, the registry has " + std::to_string(length));
    }
    check_announced(answer, descriptor.digest, what);
    return true;
  }
  const Error error = error_of(answer, what);
  if (error.code() == Errc::not_found) return false;
  throw error;
}

std::string accepted_manifests() {
  std::string header = "Accept: ";
  for (const auto type : {media_type::oci_index, media_type::oci_manifest, media_type::docker_index,
                          media_type::docker_manifest}) {
    header += std::string(type) + ", ";
  }
  return header + "*/*;q=0.1";
}

std::optional<Digest> announced_digest(const HttpResponse& response) {
  return Digest::try_parse(response.header("docker-content-digest"));
}

void check_announced(const Answer& answer, const Digest& expected, std::string_view what) {
  const auto announced = announced_digest(answer.response);
  // Of another algorithm's digest nothing is known here.
  if (!announced || announced->algorithm() != expected.algorithm() || *announced == expected) {
    return;
  }
  throw Error(Errc::data_corruption, std::string(what) + ": expected the digest " +
                                         expected.to_string() + ", " + answer.host +
                                         " says that it has " + announced->to_string());
}

}  // namespace vmkit::oci
