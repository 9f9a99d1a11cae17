// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "fault_fixture.hpp"
#include "support/url_fields.hpp"

namespace vmkit::test {

/// Keeps all that is logged. Thread-safe.
class CollectingLog : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    const std::lock_guard lock(mutex_);
    text_ += std::string(record.message) + '\n';
    for (const LogField& field : record.fields) {
      text_ += std::string(field.key) + '=' + std::string(field.value) + '\n';
    }
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// A registry that gives out tokens at /token and wants to see the last one.
struct TokenRegistry : FaultFixture {
  using TokenServer = std::function<FaultResponse(const FaultRequest&)>;

  std::string realm = "http://" + registry.address() + "/token";
  std::string challenge_extra;
  std::string accepted = "Bearer T";
  bool knows_post = true;
  /// What the token server does with what it understands.
  TokenServer token_server = [](const FaultRequest&) { return json(R"({"token":"T"})"); };

  TokenRegistry() {
    registry.set_handler([this](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.target.starts_with("/token")) {
        if (request.method == "POST" && !knows_post) return FaultResponse{.status = 405};
        return token_server(request);
      }
      if (request.header("authorization") == accepted) return std::nullopt;
      return FaultResponse{
          .status = 401,
          .headers = {{"WWW-Authenticate",
                       "Bearer realm=\"" + realm + "\",service=\"s v\"" + challenge_extra}}};
    });
  }

  static FaultResponse json(const std::string& body, int status = 200) {
    return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = body};
  }

  oci::RegistryClientOptions with(oci::Credential credential) const {
    auto options = fast();
    options.credentials = std::make_shared<oci::GivenCredentials>(
        std::map<std::string, oci::Credential>{{registry.address(), std::move(credential)}});
    return options;
  }
  oci::RegistryClientOptions with_password() const { return with({"user", "secret"}); }

  std::vector<FaultRequest> token_requests() const {
    std::vector<FaultRequest> result;
    for (const FaultRequest& request : registry.requests()) {
      if (request.target.starts_with("/token")) result.push_back(request);
    }
    return result;
  }
};

inline constexpr const char* user_secret = "Basic dXNlcjpzZWNyZXQ=";  // printf user:secret | base64

}  // namespace vmkit::test
