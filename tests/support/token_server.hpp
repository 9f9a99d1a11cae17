// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "os/directory.hpp"
#include "support/fault_registry.hpp"

namespace vmkit::test {

/// A token server as the distribution project specifies it, on loopback in plain HTTP, for a
/// DockerRegistry that trusts its certificate: GET with basic credentials or anonymous, OAuth2 POST
/// with a password or a refresh token. It signs JSON Web Tokens (RS256) with a key of its own.
/// There is one user, who may do everything; anonymous clients may pull from "public/…". Needs the
/// program openssl.
class TokenServer {
 public:
  struct Options {
    std::string username = "user";
    std::string password = "s3cret";
    bool with_post = true;  ///< False: a POST is answered with 405.
    int lifetime_seconds = 300;
  };

  explicit TokenServer(Options options);
  TokenServer() : TokenServer(Options{}) {}
  ~TokenServer();

  std::string realm() const { return "http://" + server_.address() + "/token"; }
  std::string service() const { return "test registry"; }
  std::string issuer() const { return "vmkit test"; }
  /// What the registry must trust (PEM).
  std::filesystem::path certificate() const { return folder_.path() / "certificate.pem"; }

  std::vector<FaultRequest> requests() const { return server_.requests(); }
  void forget_requests() { server_.forget_requests(); }

 private:
  class Key;

  FaultResponse answer(const FaultRequest& request) const;
  std::string token_for(bool everything, const std::vector<std::string>& scopes) const;

  Options options_;
  os::TemporaryDirectory folder_;
  std::unique_ptr<Key> key_;
  FaultRegistry server_;  // last: its threads use the rest
};

}  // namespace vmkit::test
