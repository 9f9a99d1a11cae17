// SPDX-License-Identifier: Apache-2.0
#include "support/push_server.hpp"

#include "support/url_fields.hpp"

#include <vmkit/base/digest.hpp>

namespace vmkit::test {
namespace {

FaultResponse error(int status, const std::string& code) {
  return {.status = status, .body = R"({"errors":[{"code":")" + code + R"("}]})"};
}

std::string field(const std::string& query, const std::string& name) {
  const auto fields = url_fields(query);
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

}  // namespace

FaultResponse PushServer::answer(const FaultRequest& request) {
  const std::size_t mark = request.target.find('?');
  const std::string path = request.target.substr(0, mark);
  const std::string query = mark == std::string::npos ? "" : request.target.substr(mark + 1);
  const std::string last = path.substr(path.rfind('/') + 1);
  if (const std::size_t at = path.find("/blobs/uploads/"); at != std::string::npos) {
    const std::string repository = path.substr(4, at - 4);
    if (last.empty()) return begin(repository, query);
    return go_on(request, repository, last, query);
  }
  if (const std::size_t at = path.find("/blobs/"); at != std::string::npos) {
    const auto found = blobs.find(path.substr(4, at - 4) + '/' + last);
    if (found == blobs.end()) return error(404, "BLOB_UNKNOWN");
    return {.body = found->second};
  }
  if (!request.is_manifest()) return error(404, "NOT_FOUND");
  if (request.method == "PUT") {
    const std::string digest = digest_of(request.body).to_string();
    manifests[last] = manifests[digest] = request.body;
    return {.status = 201, .headers = {{"Docker-Content-Digest", digest}}};
  }
  const auto found = manifests.find(last);
  if (found == manifests.end()) return error(404, "MANIFEST_UNKNOWN");
  return {.headers = {{"Docker-Content-Digest", digest_of(found->second).to_string()}},
          .body = found->second};
}

FaultResponse PushServer::begin(const std::string& repository, const std::string& query) {
  const std::string digest = field(query, "mount");
  const auto source = blobs.find(field(query, "from") + '/' + digest);
  if (source != blobs.end()) {
    blobs[repository + '/' + digest] = source->second;
    return {.status = 201, .headers = {{"Docker-Content-Digest", digest}}};
  }
  const std::string session = std::to_string(++last_session_);
  sessions[session];
  return {
      .status = 202,
      .headers = {{"Location", "/v2/" + repository + "/blobs/uploads/" + session + "?s=a%2Fb"}}};
}

FaultResponse PushServer::go_on(const FaultRequest& request, const std::string& repository,
                                const std::string& session, const std::string& query) {
  const auto found = sessions.find(session);
  if (found == sessions.end()) return error(404, "BLOB_UPLOAD_UNKNOWN");
  std::string& data = found->second;
  if (request.method == "DELETE") {
    sessions.erase(found);
    return {.status = 204};
  }
  const std::string range = request.header("content-range");
  if (!range.empty() && !range.starts_with(std::to_string(data.size()) + '-')) {
    return error(416, "BLOB_UPLOAD_INVALID");
  }
  data += request.body;
  if (request.method == "PUT" && !request.cut) {
    const std::string digest = digest_of(data).to_string();
    if (field(query, "digest") != digest) return error(400, "DIGEST_INVALID");
    blobs[repository + '/' + digest] = data;
    sessions.erase(found);
    return {.status = 201, .headers = {{"Docker-Content-Digest", digest}}};
  }
  FaultResponse response{
      .status = request.method == "GET" ? 204 : 202,
      .headers = {{"Location", request.target.substr(0, request.target.find("&digest"))}}};
  response.headers.emplace_back("Range", "0-" + std::to_string(data.empty() ? 0 : data.size() - 1));
  return response;
}

}  // namespace vmkit::test
