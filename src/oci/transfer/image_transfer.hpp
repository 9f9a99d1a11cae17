// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// Where an image that is sent to a registry comes from. Used by several threads at once.
class TransferOrigin {
 public:
  virtual ~TransferOrigin() = default;
  /// A manifest that an index lists, verified.
  virtual ManifestDocument manifest(const Descriptor& listed, const CallOptions& options) = 0;
  /// The bytes of a blob from `offset` on, not verified. The source honours the options' stop.
  virtual std::unique_ptr<Source> open(const Descriptor& blob, std::uint64_t offset,
                                       const CallOptions& options) = 0;
};

struct TransferOptions {
  std::string_view phase;  ///< For progress: a literal.
  int parallel = 4;
  BlobUploadOptions upload = {};
};

/// Brings `top` and all that belongs to it into a registry, under the name `target`.
void transfer(TransferOrigin& origin, const ManifestDocument& top, RegistryClient& client,
              const Reference& target, const TransferOptions& transfer_options,
              const CallOptions& options);

/// Runs `call` with the options that are given to it. An Error of its own, not one that the
/// progress callback threw, gets "VERB NAME" as context unless it has the name in it.
void with_context_of(std::string_view verb, const Reference& reference, const CallOptions& options,
                     const std::function<void(const CallOptions&)>& call);

}  // namespace vmkit::oci
