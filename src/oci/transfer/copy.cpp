// SPDX-License-Identifier: Apache-2.0
#include "oci/transfer/blob_pipe.hpp"
#include "oci/transfer/image_transfer.hpp"
#include "oci/transfer/parallel_work.hpp"
#include "oci/transfer/remote_manifest.hpp"

#include <vmkit/oci/copy.hpp>

namespace vmkit::oci {
namespace {

class RegistryOrigin : public TransferOrigin {
 public:
  RegistryOrigin(RegistryClient& client, const Reference& source)
      : client_(client), source_(source) {}

  ManifestDocument manifest(const Descriptor& listed, const CallOptions& options) override {
    return fetch_listed(client_, source_, listed, options);
  }

  std::unique_ptr<Source> open(const Descriptor& blob, std::uint64_t offset,
                               const CallOptions& options) override {
    return std::make_unique<BlobPipe>(client_, source_, blob, offset, options);
  }

 private:
  RegistryClient& client_;
  const Reference& source_;
};

}  // namespace

Descriptor copy(RegistryClient& from_client, const Reference& source, RegistryClient& to_client,
                const Reference& target, const CopyOptions& copy_options,
                const CallOptions& options) {
  check_parallel(copy_options.parallel_layers, "parallel_layers");
  std::optional<ManifestDocument> top;
  with_context_of("copy to", target, options, [&](const CallOptions& inner) {
    top = from_client.fetch_manifest(source, inner);
    if (copy_options.platform) {
      top = choose_remote(from_client, source, *std::move(top), *copy_options.platform, inner);
    }
    TransferOptions transfer_options{
        "copy", copy_options.parallel_layers, {copy_options.chunk_size}};
    if (source.registry() == target.registry()) transfer_options.upload.mount_from = source;
    RegistryOrigin origin(from_client, source);
    transfer(origin, *top, to_client, target, transfer_options, inner);
  });
  return top->descriptor;
}

}  // namespace vmkit::oci
