// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "support/errors.hpp"
#include "support/fault_registry.hpp"
#include "support/memory_source.hpp"
#include "support/push_server.hpp"

#include <vmkit/oci/registry_client.hpp>

namespace vmkit::test {

/// A registry that takes what is pushed, but for the faults of a test, and a client that does not
/// wait long.
struct PushFixture {
  PushServer server;
  /// Asked first, if set; nullopt: the honest answer.
  FaultRegistry::Handler fault;
  FaultRegistry registry;  // its threads use the rest
  oci::RegistryClient client{fast()};

  PushFixture() {
    registry.set_handler([this](const FaultRequest& request) {
      auto response = fault ? fault(request) : std::nullopt;
      return response ? response : server.answer(request);
    });
  }

  static oci::RegistryClientOptions fast() {
    oci::RegistryClientOptions options;
    options.defaults.plain_http = true;
    options.retry.attempts = 3;
    options.retry.first_pause = std::chrono::milliseconds(2);
    options.stall_timeout = std::chrono::milliseconds(400);
    return options;
  }

  oci::Reference at(const std::string& name) const {
    return oci::Reference::parse(registry.address() + '/' + name, {.tag = ""});
  }

  /// "HEAD POST PATCH PUT" of the requests so far.
  std::string methods() const {
    std::string result;
    for (const FaultRequest& request : registry.requests()) {
      result += (result.empty() ? "" : " ") + request.method;
    }
    return result;
  }

  std::optional<std::string> stored(const std::string& repository, const TestBlob& blob) const {
    const auto found = server.blobs.find(repository + '/' + blob.digest().to_string());
    if (found == server.blobs.end()) return std::nullopt;
    return found->second;
  }

  static oci::Descriptor descriptor_of(const TestBlob& blob) {
    return {blob.media_type, blob.digest(), ByteSize(blob.content.size())};
  }

  static oci::BlobOpener opener_of(const TestBlob& blob) {
    return [&blob](std::uint64_t offset) {
      return std::make_unique<MemorySource>(blob.content.substr(offset));
    };
  }

  oci::BlobUpload push_blob(const TestBlob& blob, const oci::BlobUploadOptions& options = {},
                            const CallOptions& call = {}) {
    return client.push_blob(at("app"), descriptor_of(blob), opener_of(blob), options, call);
  }
};

}  // namespace vmkit::test
