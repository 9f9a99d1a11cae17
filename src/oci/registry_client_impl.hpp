// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "oci/authorizer.hpp"
#include "oci/exchange.hpp"

#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// What all calls of a RegistryClient share. Thread-safe.
struct RegistryClient::Impl {
  explicit Impl(RegistryClientOptions given);

  Registry registry_of(const Reference& reference) const;

  /// One request with its redirects and, if the registry wants to see credentials, with those.
  /// `scope` is the access that a token must give: "repository:NAME:pull".
  Answer send(const Registry& registry, const std::string& scope, HttpRequest request,
              const HttpBody& body, const CallOptions& call);

  RegistryClientOptions options;
  Exchanger exchanger;
  Authorizer authorizer;
};

}  // namespace vmkit::oci
