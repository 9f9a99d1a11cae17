// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "oci/document/json.hpp"
#include "oci/http/link_header.hpp"
#include "oci/registry/referrers_tag.hpp"
#include "oci/registry/registry_client_impl.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

/// Registries give a hundred or a thousand entries in a page.
constexpr std::size_t most_pages = 1000;
constexpr std::string_view asked_page_size = "1000";

/// Follows a listing from page to page. Confined.
class Pages {
 public:
  Pages(RegistryAccess& access, Registry registry, std::string scope, std::string what,
        const CallOptions& call)
      : access_(access),
        registry_(std::move(registry)),
        scope_(std::move(scope)),
        what_(std::move(what)),
        call_(call) {}

  /// Hands the document of each page to `take`, which returns how many entries there were. The
  /// first answer that is not 2xx comes back, for the caller to judge.
  template <class Take>
  Answer read(std::string url, const std::string& accept, Take take) {
    std::set<std::string> seen;
    std::size_t entries = 0;
    for (;;) {
      if (seen.size() == most_pages) {
        throw Error(Errc::resource_exhausted,
                    what_ + ": no end after " + std::to_string(most_pages) + " pages");
      }
      seen.insert(url);
      auto page = access_.fetch_document(registry_, scope_, {HttpMethod::get, url, {accept}, true},
                                         access_.options.retry, what_, call_);
      if (!page.answer.ok()) return std::move(page.answer);
      entries += take(page.content);
      if (entries > longest_listing) {
        throw Error(Errc::resource_exhausted, what_ + ": expected at most " +
                                                  std::to_string(longest_listing) +
                                                  " entries, found more");
      }
      auto next = following(page.answer);
      if (!next) return std::move(page.answer);
      if (seen.count(*next) != 0) {
        throw Error(Errc::data_corruption, what_ + ": page " + std::to_string(seen.size()) +
                                               " leads back to an earlier one (Link)");
      }
      url = *std::move(next);
    }
  }

 private:
  std::optional<std::string> following(const Answer& answer) const {
    const auto headers = answer.response.headers.find("link");
    if (headers == answer.response.headers.end()) return std::nullopt;
    for (const std::string& header : headers->second) {
      const auto target = next_link(header);
      if (!target) continue;
      auto url = resolve_url(answer.url, *target);
      if (!url || !registry_.owns(*url)) {
        throw Error(Errc::data_corruption, what_ + ": expected the next page at " + registry_.host +
                                               ", found it elsewhere (Link)");
      }
      return url;
    }
    return std::nullopt;
  }

  RegistryAccess& access_;
  const Registry registry_;
  const std::string scope_;
  const std::string what_;
  const CallOptions& call_;
};

constexpr const char* accept_json = "Accept: application/json";

/// The names of one page under `key`, each of which must pass `is_valid`.
template <class IsValid>
std::vector<std::string> names_in(const std::string& content, const char* key,
                                  const std::string& what, IsValid is_valid) {
  const auto json = parse_json(content, what);
  const JsonObject document(json, what);
  std::vector<std::string> names = document.texts(key);
  for (const std::string& name : names) {
    if (!is_valid(name)) document.fail(key, "found an entry that is no name");
  }
  return names;
}

void append(std::vector<std::string>& all, std::vector<std::string> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<Descriptor> of_type(std::vector<Descriptor> all, std::string_view artifact_type) {
  if (!artifact_type.empty()) {
    std::erase_if(all,
                  [&](const Descriptor& entry) { return entry.artifact_type != artifact_type; });
  }
  return all;
}

}  // namespace

std::vector<std::string> RegistryClient::list_tags(const Reference& repository,
                                                   const CallOptions& options) {
  const Registry registry = impl_->registry_of(repository);
  const std::string what = "tags of " + repository.name();
  const auto is_tag = [&](const std::string& tag) {
    return Reference::try_parse(repository.name() + ':' + tag).has_value();
  };
  std::vector<std::string> tags;
  const Answer answer = Pages(*impl_, registry, pull_scope(repository), what, options)
                            .read(with_query(repository_url(registry, repository) + "tags/list",
                                             "n", asked_page_size),
                                  accept_json, [&](const std::string& content) {
                                    auto page = names_in(content, "tags", what, is_tag);
                                    const std::size_t count = page.size();
                                    append(tags, std::move(page));
                                    return count;
                                  });
  if (!answer.ok()) throw error_of(answer, what);
  return tags;
}

std::vector<std::string> RegistryClient::catalog(const std::string& name,
                                                 const CallOptions& options) {
  const auto any = Reference::try_parse(name + "/any");
  if (!any || any->repository() != "any") {
    throw Error(
        Errc::invalid_argument,
        "catalog: expected a registry's host with or without a port, found \"" + name + '"');
  }
  const Registry registry = impl_->registry_of(*any);
  const std::string what = "catalog of " + any->registry();
  const auto is_repository = [&](const std::string& repository) {
    const auto parsed = Reference::try_parse(any->registry() + '/' + repository);
    return parsed && parsed->repository().ends_with(repository);
  };
  std::vector<std::string> repositories;
  const Answer answer =
      Pages(*impl_, registry, "registry:catalog:*", what, options)
          .read(with_query(registry.base_url() + "/v2/_catalog", "n", asked_page_size), accept_json,
                [&](const std::string& content) {
                  auto page = names_in(content, "repositories", what, is_repository);
                  const std::size_t count = page.size();
                  append(repositories, std::move(page));
                  return count;
                });
  if (!answer.ok()) throw error_of(answer, what);
  return repositories;
}

std::vector<Descriptor> RegistryClient::referrers(const Reference& subject,
                                                  std::string_view artifact_type,
                                                  const CallOptions& options) {
  const std::string what = "referrers of " + subject.to_string();
  if (!subject.digest()) {
    throw Error(Errc::invalid_argument,
                what + ": expected a reference with a digest; see manifest_digest");
  }
  const Registry registry = impl_->registry_of(subject);
  std::string url =
      repository_url(registry, subject) + "referrers/" + subject.digest()->to_string();
  if (!artifact_type.empty()) url = with_query(url, "artifactType", artifact_type);
  std::vector<Descriptor> all;
  const Answer answer =
      Pages(*impl_, registry, pull_scope(subject), what, options)
          .read(url, "Accept: " + std::string(media_type::oci_index),
                [&](const std::string& content) {
                  Index page = Index::parse(content, what);
                  const std::size_t count = page.manifests.size();
                  all.insert(all.end(), std::make_move_iterator(page.manifests.begin()),
                             std::make_move_iterator(page.manifests.end()));
                  return count;
                });
  // Registries need not filter.
  if (answer.ok()) return of_type(std::move(all), artifact_type);
  const Errc code = error_of(answer, what).code();
  if (code != Errc::not_found && code != Errc::unsupported) throw error_of(answer, what);

  const Reference listed =
      Reference::parse(subject.name() + ':' + referrers_tag(*subject.digest()));
  try {
    const ManifestDocument document = fetch_manifest(listed, options);
    return of_type(Index::parse(document.content, what, document.descriptor.media_type).manifests,
                   artifact_type);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    return {};  // nothing refers to it
  }
}

}  // namespace vmkit::oci
