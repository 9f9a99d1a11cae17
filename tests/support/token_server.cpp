// SPDX-License-Identifier: Apache-2.0
#include "support/token_server.hpp"

#include <algorithm>
#include <ctime>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <utility>

#include "oci/auth/base64.hpp"
#include "os/file.hpp"
#include "support/programs.hpp"
#include "support/url_fields.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::test {
namespace {

constexpr const char* refresh_token = "the-refresh-token";

/// RFC 7515: the alphabet of URLs, no padding.
std::string base64url(const std::string& bytes) {
  std::string text = oci::base64_encode(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

/// The base64 between the marks of a PEM file.
std::string pem_content(const std::string& pem) {
  const std::size_t begin = pem.find('\n') + 1;
  std::string content = pem.substr(begin, pem.find("-----END") - begin);
  std::erase(content, '\n');
  return content;
}

FaultResponse refusal(int status, const std::string& error) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}},
          .body = "{\"error\":\"" + error + "\"}"};
}

std::string only(const UrlFields& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

}  // namespace

/// The key that signs, and the certificate that goes with each token.
class TokenServer::Key {
 public:
  Key(const std::filesystem::path& key, const std::filesystem::path& certificate)
      : certificate_(pem_content(os::read_file(certificate, 64_KiB))) {
    const std::string pem = os::read_file(key, 64_KiB);
    BIO* memory = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    key_ = PEM_read_bio_PrivateKey(memory, nullptr, nullptr, nullptr);
    BIO_free(memory);
    if (key_ == nullptr) throw Error(Errc::internal, "the token server's key cannot be read");
  }
  ~Key() { EVP_PKEY_free(key_); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  std::string sign(const std::string& claims) const {
    const std::string text =
        base64url(R"({"typ":"JWT","alg":"RS256","x5c":[")" + certificate_ + "\"]}") + '.' +
        base64url(claims);
    std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_)), '\0');
    std::size_t size = signature.size();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const bool good =
        EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_) == 1 &&
        EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
    EVP_MD_CTX_free(context);
    if (!good) throw Error(Errc::internal, "the token server cannot sign");
    signature.resize(size);
    return text + '.' + base64url(signature);
  }

 private:
  std::string certificate_;
  EVP_PKEY* key_ = nullptr;
};

TokenServer::TokenServer(Options options)
    : options_(std::move(options)),
      folder_(std::filesystem::temp_directory_path(), "vmkit-tokens") {
  const auto key = folder_.path() / "key.pem";
  run_program({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
               "/CN=vmkit test", "-keyout", key.string(), "-out", certificate().string()});
  key_ = std::make_unique<Key>(key, certificate());
  server_.set_handler([this](const FaultRequest& request) { return answer(request); });
}

TokenServer::~TokenServer() = default;

FaultResponse TokenServer::answer(const FaultRequest& request) const {
  const bool post = request.method == "POST";
  if (post && !options_.with_post) return {.status = 405};
  const std::size_t question = std::min(request.target.find('?'), request.target.size());
  if (request.target.substr(0, question) != "/token") return {.status = 404};
  const UrlFields fields = url_fields(
      post ? request.body : request.target.substr(std::min(question + 1, request.target.size())));
  if (only(fields, "service") != service()) return refusal(400, "invalid_request");

  bool user = false;
  std::vector<std::string> scopes;
  if (post) {
    const bool refresh = only(fields, "grant_type") == "refresh_token";
    user = refresh ? only(fields, "refresh_token") == refresh_token
                   : only(fields, "username") == options_.username &&
                         only(fields, "password") == options_.password;
    if (!user) return refusal(400, "invalid_grant");
    std::string list = only(fields, "scope");
    for (std::size_t space; (space = list.find(' ')) != list.npos; list.erase(0, space + 1)) {
      scopes.push_back(list.substr(0, space));
    }
    scopes.push_back(list);
  } else {
    const std::string shown = request.header("authorization");
    user = shown == "Basic " + oci::base64_encode(options_.username + ':' + options_.password);
    if (!shown.empty() && !user) return refusal(401, "unauthorized");
    const auto [first, last] = fields.equal_range("scope");
    for (auto at = first; at != last; ++at) scopes.push_back(at->second);
  }
  const std::string value = token_for(user, scopes);
  std::string body = "{\"token\":\"" + value + "\",\"access_token\":\"" + value +
                     "\",\"expires_in\":" + std::to_string(options_.lifetime_seconds);
  if (post && only(fields, "access_type") == "offline") {
    body += std::string(",\"refresh_token\":\"") + refresh_token + '"';
  }
  return {.headers = {{"Content-Type", "application/json"}}, .body = body + '}'};
}

std::string TokenServer::token_for(bool everything, const std::vector<std::string>& scopes) const {
  const std::time_t now = std::time(nullptr);
  std::string access;
  for (const std::string& scope : scopes) {
    const std::size_t first = scope.find(':');
    const std::size_t last = scope.rfind(':');
    if (first == scope.npos || first == last) continue;
    const std::string name = scope.substr(first + 1, last - first - 1);
    std::string actions;
    std::string rest = scope.substr(last + 1) + ',';
    for (std::size_t comma; (comma = rest.find(',')) != rest.npos; rest.erase(0, comma + 1)) {
      const std::string action = rest.substr(0, comma);
      const bool allowed = everything || (name.starts_with("public/") && action == "pull");
      if (allowed) actions += (actions.empty() ? "\"" : ",\"") + action + '"';
    }
    access += (access.empty() ? "" : ",") + ("{\"type\":\"" + scope.substr(0, first)) +
              "\",\"name\":\"" + name + "\",\"actions\":[" + actions + "]}";
  }
  return key_->sign("{\"iss\":\"" + issuer() + "\",\"sub\":\"\",\"aud\":\"" + service() +
                    "\",\"exp\":" + std::to_string(now + options_.lifetime_seconds) +
                    ",\"nbf\":" + std::to_string(now - 10) + ",\"iat\":" + std::to_string(now) +
                    ",\"jti\":\"1\",\"access\":[" + access + "]}");
}

}  // namespace vmkit::test
