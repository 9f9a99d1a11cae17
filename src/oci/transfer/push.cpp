// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "oci/store/image_blobs.hpp"
#include "oci/transfer/image_transfer.hpp"
#include "oci/transfer/parallel_work.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/media_type.hpp>
#include <vmkit/oci/push.hpp>

namespace vmkit::oci {
namespace {

class StoreOrigin : public TransferOrigin {
 public:
  StoreOrigin(const ImageStore& store, const CallOptions& options)
      : store_(store), lease_(Lease::begin(store, options)) {}

  ManifestDocument manifest(const Descriptor& listed, const CallOptions& options) override {
    lease_.add(std::span(&listed.digest, 1), options);
    Descriptor plain{listed.media_type, listed.digest, listed.size};
    ManifestDocument document{std::move(plain), store_.read_blob(listed)};
    if (media_type::is_manifest(listed.media_type)) {
      // What is sent must not be collected meanwhile.
      lease_.add(digests_of(listed, Manifest::parse(document.content,
                                                    "manifest " + listed.digest.to_string(),
                                                    listed.media_type)),
                 options);
    }
    return document;
  }

  std::unique_ptr<Source> open(const Descriptor& blob, std::uint64_t offset,
                               const CallOptions& options) override {
    auto source = store_.open_blob(blob);
    std::vector<std::byte> skipped(offset == 0 ? 0 : 256 * 1024);
    while (offset != 0) {
      options.check("read blob " + blob.digest.to_string());
      const std::size_t count =
          source->read(std::span(skipped).first(std::min<std::uint64_t>(offset, skipped.size())));
      if (count == 0) break;  // shorter than it should be: the next read tells
      offset -= count;
    }
    return source;
  }

 private:
  const ImageStore& store_;
  Lease lease_;
};

}  // namespace

Descriptor push(RegistryClient& client, const ImageStore& store, const Reference& image,
                const Reference& target, const PushOptions& push_options,
                const CallOptions& options) {
  check_parallel(push_options.parallel_uploads, "parallel_uploads");
  std::optional<ManifestDocument> top;
  with_context_of("push", target, options, [&](const CallOptions& inner) {
    const auto record = store.find(image);
    if (!record) {
      throw Error(Errc::not_found,
                  "there is no image " + image.to_string() + " in " + store.root().string());
    }
    StoreOrigin origin(store, inner);
    top = origin.manifest(record->manifest, inner);
    const TransferOptions transfer_options{
        "push", push_options.parallel_uploads, {push_options.chunk_size, push_options.mount_from}};
    transfer(origin, *top, client, target, transfer_options, inner);
  });
  return top->descriptor;
}

}  // namespace vmkit::oci
