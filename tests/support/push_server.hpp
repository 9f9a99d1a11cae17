// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "support/fault_registry.hpp"

namespace vmkit::test {

/// The writing side of a registry, honest: for handlers of a FaultRegistry, which call it one at a
/// time and do its mistakes for it. Repositories are told apart for blobs only.
class PushServer {
 public:
  /// The answer to any request; what is not about writing gets 404.
  FaultResponse answer(const FaultRequest& request);

  std::map<std::string, std::string> blobs;      ///< By "REPOSITORY/DIGEST".
  std::map<std::string, std::string> manifests;  ///< By tag and by digest.
  std::map<std::string, std::string> sessions;   ///< What has come of each upload, by its number.

 private:
  FaultResponse begin(const std::string& repository, const std::string& query);
  FaultResponse go_on(const FaultRequest& request, const std::string& repository,
                      const std::string& session, const std::string& query);

  int last_session_ = 0;
};

}  // namespace vmkit::test
