// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "oci/auth/challenge.hpp"
#include "oci/auth/token_client.hpp"
#include "oci/http/exchange.hpp"

#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// Gets and keeps what goes into Authorization headers: a bearer token for each scope, or the
/// credential itself where the registry asks for it (basic). Thread-safe; several threads that need
/// the same token at once cause one request, and learn of one refusal together.
///
/// A scope is a list of accesses separated by blanks, "repository:NAME:pull,push"; the credential
/// is that of the first repository in it. What else a registry's challenge asks for is added.
class Authorizer {
 public:
  Authorizer(const RegistryClientOptions& options, Exchanger& exchanger);

  /// The header value to send for `scope`; empty: none is known (yet) to be needed. Fetches a new
  /// token when the one there is about to expire.
  std::string current(const Registry& registry, const std::string& scope,
                      const CallOptions& options);

  /// A value other than `refused`, which the registry answered with 401 and these challenges.
  /// Throws unauthenticated if there is none to be had.
  std::string renew(const Registry& registry, const std::string& scope, const std::string& refused,
                    const HttpResponse& response, const CallOptions& options);

  /// The error for an `answer` that refuses a value which renew() just gave. Forgets the value.
  Error refused(const Registry& registry, const std::string& scope, const Answer& answer,
                const CallOptions& options);

 private:
  using Clock = std::chrono::steady_clock;
  struct Grant {
    std::mutex mutex;  // held while a token is fetched
    std::string header;
    std::optional<Clock::time_point> renew_at;
    Challenge challenge;
    bool has_credential = false;
    // For those who wait for the mutex while another thread's attempt is refused:
    std::mutex refusal_mutex;
    std::size_t refusal_count = 0;
    std::optional<Error> refusal;
  };
  std::shared_ptr<Grant> grant_for(const Registry& registry, const std::string& scope);
  void obtain(Grant& grant, const Registry& registry, const std::string& scope,
              const CallOptions& options);

  const RegistryClientOptions& options_;
  TokenClient token_client_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Grant>> grants_;
};

}  // namespace vmkit::oci
