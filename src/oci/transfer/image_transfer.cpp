// SPDX-License-Identifier: Apache-2.0
#include "oci/transfer/image_transfer.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "oci/document/platform_choice.hpp"
#include "oci/transfer/parallel_work.hpp"
#include "oci/transfer/remote_manifest.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

/// An index may list 4096 manifests of 1024 layers each; nobody's does.
constexpr std::size_t most_blobs = 100'000;

/// What is sent of a blob: reports, and keeps the end back unless all of it is what it should be.
class OutgoingSource : public Source {
 public:
  OutgoingSource(std::unique_ptr<Source> source, const Descriptor& blob, std::uint64_t offset,
                 ProgressMeter& meter)
      : source_(std::move(source)),
        blob_(blob),
        position_(offset),
        hashed_(offset == 0),
        hasher_(blob.digest.algorithm()),
        meter_(meter) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::uint64_t left = blob_.size.bytes() - position_;
    if (left == 0) return 0;
    const std::size_t count =
        source_->read(buffer.first(std::min<std::uint64_t>(left, buffer.size())));
    if (count == 0) {
      throw Error(Errc::data_corruption, what() + ": expected " +
                                             std::to_string(blob_.size.bytes()) + " bytes, found " +
                                             std::to_string(position_));
    }
    position_ += count;
    // One that began in the middle is for the registry alone to verify.
    if (hashed_) check(buffer.first(count));
    meter_.set(position_);
    return count;
  }

 private:
  std::string what() const { return "blob " + blob_.digest.to_string(); }

  void check(std::span<const std::byte> data) {
    hasher_.update(data);
    if (position_ != blob_.size.bytes()) return;
    if (const Digest found = hasher_.finish(); found != blob_.digest) {
      throw Error(Errc::data_corruption,
                  what() + ": its content has the digest " + found.to_string());
    }
  }

  std::unique_ptr<Source> source_;
  const Descriptor& blob_;
  std::uint64_t position_;
  const bool hashed_;
  Hasher hasher_;
  ProgressMeter& meter_;
};

/// Brings an image and what belongs to it, from the leaves up. Confined.
class Transfer {
 public:
  Transfer(TransferOrigin& origin, RegistryClient& client, const Reference& target,
           const TransferOptions& transfer_options, const CallOptions& options)
      : origin_(origin),
        client_(client),
        target_(target),
        transfer_options_(transfer_options),
        options_(options) {}

  bool is_there(const Reference& name, const Digest& digest) {
    return client_.has_manifest(name, digest, options_);
  }

  /// Brings what `document` names, then itself, under the name `name`.
  void bring(const ManifestDocument& document, const Reference& name, int depth) {
    const Descriptor& descriptor = document.descriptor;
    if (media_type::is_index(descriptor.media_type)) {
      check_index_depth(depth, target_.to_string());
      bring_listed(document, depth);
    } else {
      bring_blobs(document);
    }
    client_.push_manifest(name, descriptor.media_type, document.content, options_);
  }

 private:
  void bring_listed(const ManifestDocument& document, int depth) {
    const Index index =
        Index::parse(document.content, "index " + document.descriptor.digest.to_string(),
                     document.descriptor.media_type);
    for (const Descriptor& listed : index.manifests) {
      const Reference name = Reference::parse(target_.name() + '@' + listed.digest.to_string());
      if (is_there(name, listed.digest)) continue;
      bring(origin_.manifest(listed, options_), name, depth + 1);
    }
  }

  void bring_blobs(const ManifestDocument& document) {
    const Manifest manifest =
        Manifest::parse(document.content, "manifest " + document.descriptor.digest.to_string(),
                        document.descriptor.media_type);
    std::vector<Descriptor> blobs = manifest.layers;
    blobs.push_back(manifest.config);
    blobs = distinct(blobs);
    std::erase_if(blobs, [&](const Descriptor& blob) { return brought_.count(blob.digest) != 0; });
    if (brought_.size() + blobs.size() > most_blobs) {
      throw Error(Errc::resource_exhausted, target_.to_string() + ": expected at most " +
                                                std::to_string(most_blobs) +
                                                " blobs in an index, found more");
    }
    ParallelWork work(options_);
    const auto meter_of = [&](const Descriptor& blob) {
      // The configuration is not worth a bar of its own.
      const bool shown = blob.digest != manifest.config.digest;
      return ProgressMeter(shown ? work.options().progress : silent_,
                           std::string(transfer_options_.phase), blob.digest.to_string(),
                           ProgressUnit::bytes, blob.size.bytes());
    };
    for (const Descriptor& blob : blobs) meter_of(blob).flush();
    work.run(blobs.size(), transfer_options_.parallel, [&](std::size_t i) {
      ProgressMeter meter = meter_of(blobs[i]);
      bring_blob(blobs[i], meter, work.options());
    });
    for (const Descriptor& blob : blobs) brought_.insert(blob.digest);
  }

  void bring_blob(const Descriptor& blob, ProgressMeter& meter, const CallOptions& options) {
    const BlobOpener open = [&](std::uint64_t offset) {
      return std::make_unique<OutgoingSource>(origin_.open(blob, offset, options), blob, offset,
                                              meter);
    };
    client_.push_blob(target_, blob, open, transfer_options_.upload, options);
    meter.set(blob.size.bytes());
    meter.flush();
  }

  TransferOrigin& origin_;
  RegistryClient& client_;
  const Reference& target_;
  const TransferOptions& transfer_options_;
  const CallOptions& options_;
  const ProgressCallback silent_;
  std::set<Digest> brought_;
};

}  // namespace

void transfer(TransferOrigin& origin, const ManifestDocument& top, RegistryClient& client,
              const Reference& target, const TransferOptions& transfer_options,
              const CallOptions& options) {
  if (target.digest() && *target.digest() != top.descriptor.digest) {
    throw Error(Errc::invalid_argument, target.to_string() + ": the image has another digest, " +
                                            top.descriptor.digest.to_string());
  }
  Transfer whole(origin, client, target, transfer_options, options);
  if (!whole.is_there(target, top.descriptor.digest)) whole.bring(top, target, 0);
}

void with_context_of(std::string_view verb, const Reference& reference, const CallOptions& options,
                     const std::function<void(const CallOptions&)>& call) {
  bool thrown_by_callback = false;
  CallOptions inner = options;
  if (options.progress) {
    inner.progress = [&](const Progress& progress) {
      try {
        options.progress(progress);
      } catch (...) {
        thrown_by_callback = true;
        throw;
      }
    };
  }
  try {
    call(inner);
  } catch (const Error& error) {
    const std::string name = reference.to_string();
    if (thrown_by_callback) throw;
    if (std::string_view(error.what()).find(name) != std::string_view::npos) throw;
    throw error.with_context(std::string(verb) + ' ' + name);
  }
}

}  // namespace vmkit::oci
