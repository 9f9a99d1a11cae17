// SPDX-License-Identifier: Apache-2.0
#include "oci/store/blob_graph.hpp"

#include <utility>

#include "oci/document/json.hpp"
#include "oci/store/store_files.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

using Json = nlohmann::json;

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// As deep as the parser allowed.
void add_mentions(const Json& value, bool required, std::vector<Mention>& result) {
  if (!value.is_structured()) return;
  if (value.is_object()) {
    if (auto digest = Digest::try_parse(text_at(value, "digest"))) {
      Mention mention{*std::move(digest), text_at(value, "mediaType"), std::nullopt, required};
      if (const auto size = value.find("size"); size != value.end() && size->is_number_unsigned()) {
        mention.size = size->get<std::uint64_t>();
      }
      result.push_back(std::move(mention));
    }
  }
  for (const Json& inner : value) add_mentions(inner, required, result);
}

/// What a manifest is about. Its digest need not be right: it is only kept for what it says.
std::optional<Digest> subject_of(const StoredBlob& blob) {
  try {
    const os::File file = open_store_file(blob.path);
    std::byte first[1];
    if (file.read_at(0, first) == 0 || first[0] != std::byte{'{'}) return std::nullopt;
    const Json document = parse_json(os::read_file(file, longest_document), blob.path.string());
    const auto subject = document.find("subject");
    if (subject == document.end() || !subject->is_object()) return std::nullopt;
    return Digest::try_parse(text_at(*subject, "digest"));
  } catch (const Error&) {
    return std::nullopt;  // gone, or no JSON
  }
}

}  // namespace

std::vector<Mention> mentions_in(const Json& document) {
  std::vector<Mention> result;
  if (!document.is_object()) return result;
  for (const auto& [key, value] : document.items()) {
    add_mentions(value, key == "config" || key == "layers" || key == "blobs", result);
  }
  return result;
}

bool may_mention_blobs(const std::string& media_type) {
  return media_type.empty() || (media_type.ends_with("json") && !media_type::is_config(media_type));
}

const std::vector<Mention>& BlobGraph::mentions_of(const Digest& document) {
  const auto [place, is_new] = mentions_.try_emplace(document);
  if (!is_new) return place->second;
  const auto path = store_.blob_path(document);
  std::string content;
  try {
    content = os::read_file(open_store_file(path), longest_document);
  } catch (const Error& error) {
    // Not there, or too long to be a document that anybody reads: it leads nowhere.
    if (error.code() == Errc::data_corruption) damaged_ = document;
    if (error.code() != Errc::not_found && error.code() != Errc::resource_exhausted &&
        error.code() != Errc::data_corruption) {
      throw;
    }
    return place->second;
  }
  if (digest_of(content, document.algorithm()) != document) {
    damaged_ = document;
    return place->second;
  }
  try {
    place->second = mentions_in(parse_json(content, path.string()));
  } catch (const Error&) {
    // Whole but no JSON: somebody called it a document that is none.
  }
  return place->second;
}

void BlobGraph::walk(std::vector<Mention> roots, const std::function<void(const Mention&)>& visit) {
  std::unordered_set<Digest> opened;
  std::vector<Mention> waiting = std::move(roots);
  while (!waiting.empty()) {
    const Mention mention = std::move(waiting.back());
    waiting.pop_back();
    visit(mention);
    if (!may_mention_blobs(mention.media_type) || !opened.insert(mention.digest).second) continue;
    const auto& found = mentions_of(mention.digest);
    waiting.insert(waiting.end(), found.begin(), found.end());
  }
}

void BlobGraph::check_all_were_read() const {
  if (!damaged_) return;
  throw Error(Errc::data_corruption,
              store_.blob_path(*damaged_).string() +
                  ": the document is damaged, so that it is not known which blobs it needs; "
                  "repair the store first, and pull the image again");
}

void add_needed(const ImageStore& store, std::vector<Mention> roots,
                std::unordered_set<Digest>& needed, const CallOptions& options) {
  BlobGraph graph(store);
  std::vector<Digest> fresh;
  const auto add = [&](std::vector<Mention> from) {
    graph.walk(std::move(from), [&](const Mention& mention) {
      options.check("look for what is needed in " + store.root().string());
      if (needed.insert(mention.digest).second) fresh.push_back(mention.digest);
    });
  };
  add(std::move(roots));

  // By the subject, the manifests that are not needed so far.
  std::unordered_map<Digest, std::vector<Mention>> referrers;
  for (const StoredBlob& blob : stored_blobs(store.root())) {
    if (!blob.status || blob.status->size > longest_document.bytes()) continue;
    if (needed.contains(blob.digest)) continue;
    options.check("look for referrers in " + store.root().string());
    if (const auto subject = subject_of(blob))
      referrers[*subject].push_back({blob.digest, {}, {}, false});
  }
  fresh.assign(needed.begin(), needed.end());
  while (!fresh.empty()) {
    const auto found = referrers.find(fresh.back());
    fresh.pop_back();
    if (found == referrers.end()) continue;
    auto more = std::move(found->second);
    referrers.erase(found);
    add(std::move(more));
  }
  graph.check_all_were_read();
}

}  // namespace vmkit::oci
