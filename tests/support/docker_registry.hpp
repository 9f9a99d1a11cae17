// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "os/child_process.hpp"
#include "os/directory.hpp"
#include "support/token_server.hpp"

namespace vmkit::test {

/// Debian's docker-registry on loopback, at a port of its own choice, with empty storage. It ends
/// with this object, and with the thread that made it. Needs the programs docker-registry,
/// with a password htpasswd, with TLS openssl.
class DockerRegistry {
 public:
  struct Options {
    std::string username = {};  ///< Empty: everybody may do everything.
    std::string password = {};
    bool tls = false;
    bool client_certificates = false;  ///< With TLS: wants to see one that the authority signed.
    /// "http://HOST:PORT/": blobs are not served but redirected to there.
    std::string redirect_blobs_to = {};
    const TokenServer* tokens = nullptr;  ///< Who gives out tokens for it, if any.
  };

  explicit DockerRegistry(const Options& options);
  DockerRegistry() : DockerRegistry(Options{}) {}

  /// "127.0.0.1:PORT".
  const std::string& address() const { return address_; }
  /// The certificate of the authority to trust, with TLS.
  std::filesystem::path ca_file() const { return folder_.path() / "ca.pem"; }
  /// A certificate that the authority signed for a client, with TLS, and its key.
  std::filesystem::path client_certificate() const { return folder_.path() / "client.pem"; }
  std::filesystem::path client_key() const { return folder_.path() / "client-key.pem"; }

 private:
  std::string wait_until_it_listens();

  os::TemporaryDirectory folder_;
  std::optional<os::ChildProcess> process_;
  std::string address_;
};

}  // namespace vmkit::test
