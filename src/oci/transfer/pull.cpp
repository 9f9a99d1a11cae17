// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "oci/document/platform_choice.hpp"
#include "oci/store/image_blobs.hpp"
#include "oci/store/ingest.hpp"
#include "oci/transfer/downloader.hpp"
#include "oci/transfer/parallel_work.hpp"
#include "oci/transfer/remote_manifest.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/pull.hpp>

namespace vmkit::oci {
namespace {

/// The image as it is in the store, if that is still what the registry has.
std::optional<Image> unchanged(RegistryClient& client, const ImageStore& store,
                               const Reference& reference, const PullOptions& pull_options,
                               const CallOptions& options) {
  const auto record = store.find(reference);
  if (!record || !record->source || record->name != reference.to_string()) return std::nullopt;
  std::optional<Image> image;
  try {
    image = store.load(reference, record->manifest);
  } catch (const Error&) {
    return std::nullopt;  // incomplete or damaged: the pull mends it
  }
  if (!match_distance(pull_options.platform, image->platform)) return std::nullopt;
  if (reference.digest() == record->source) return image;
  if (client.manifest_digest(reference, options) == record->source) return image;
  return std::nullopt;
}

void store_manifest(const ImageStore& store, const ManifestDocument& manifest, bool verify_existing,
                    const CallOptions& options) {
  const bool bad = verify_existing && !store.verify_blob(manifest.descriptor, options);
  const auto ingest =
      Ingest::begin(store, manifest.descriptor,
                    bad ? Ingest::Existing::replace : Ingest::Existing::keep, options);
  if (!ingest) return;
  ingest->restart();
  ingest->write(std::as_bytes(std::span(manifest.content)));
  ingest->commit();
}

/// The layers of an image that is in the store already.
class StoredLayers : public ArrivingLayers {
 public:
  explicit StoredLayers(const ImageStore& store) : store_(store) {}
  std::unique_ptr<Source> open(const Descriptor& layer, const StopToken&) override {
    return store_.open_blob(layer);
  }

 private:
  const ImageStore& store_;
};

Image pull_image(RegistryClient& client, ImageStore& store, const Reference& reference,
                 const PullOptions& pull_options, const CallOptions& options) {
  if (!pull_options.verify_existing) {
    if (auto image = unchanged(client, store, reference, pull_options, options)) {
      if (pull_options.inspect) pull_options.inspect(*image);
      if (pull_options.consume) {
        const Lease lease = Lease::of(store, *image, options);
        StoredLayers stored(store);
        pull_options.consume(*image, stored);
      }
      return *std::move(image);
    }
  }
  const ManifestDocument top = client.fetch_manifest(reference, options);
  const ManifestDocument chosen =
      choose_remote(client, reference, top, pull_options.platform, options);
  const Descriptor& descriptor = chosen.descriptor;
  Manifest manifest = Manifest::parse(chosen.content, "manifest " + descriptor.digest.to_string(),
                                      descriptor.media_type);
  check_is_image(manifest);
  if (manifest.config.size > longest_document) {
    throw Error(Errc::data_corruption, "configuration " + manifest.config.digest.to_string() +
                                           ": expected at most " + to_string(longest_document) +
                                           ", found " + to_string(manifest.config.size));
  }
  std::vector<Descriptor> layers = distinct(manifest.layers);
  // From before the first look for a blob until the image has its name.
  Lease lease = Lease::begin(store, options);
  lease.add(digests_of(descriptor, manifest), options);

  // First what is small and may show that the rest is not worth fetching.
  CallOptions silent = options;
  silent.progress = {};
  Downloader(client, store, reference, {manifest.config}, pull_options.verify_existing, silent)
      .run(1);
  ImageConfig config = ImageConfig::parse(store.read_blob(manifest.config),
                                          "configuration " + manifest.config.digest.to_string());
  check_layer_count(manifest, config);
  check_platform(pull_options.platform, config.platform);
  const Platform platform = config.platform;
  const Image image{reference, descriptor, std::move(manifest), std::move(config), platform};
  if (pull_options.inspect) pull_options.inspect(image);

  Downloader downloader(client, store, reference, std::move(layers), pull_options.verify_existing,
                        options);
  downloader.announce();
  std::function<void()> consume;
  if (pull_options.consume) consume = [&] { pull_options.consume(image, downloader); };
  downloader.run(pull_options.parallel_downloads, consume);
  store_manifest(store, chosen, pull_options.verify_existing, options);
  return store.tag(reference, descriptor, top.descriptor.digest, options);
}

/// What the host's own code threw, on its way back to the host: unchanged.
struct ThrownByHost {
  std::exception_ptr cause;
};

template <class... Arguments>
std::function<void(Arguments...)> marked(const std::function<void(Arguments...)>& callback) {
  if (!callback) return {};
  return [&callback](Arguments... arguments) {
    try {
      callback(arguments...);
    } catch (...) {
      throw ThrownByHost{std::current_exception()};
    }
  };
}

}  // namespace

ArrivingLayers::~ArrivingLayers() = default;

Image pull(RegistryClient& client, ImageStore& store, const Reference& reference,
           const PullOptions& pull_options, const CallOptions& options) {
  check_parallel(pull_options.parallel_downloads, "parallel_downloads");
  CallOptions inner = options;
  inner.progress = marked(options.progress);
  PullOptions inner_pull = pull_options;
  inner_pull.inspect = marked(pull_options.inspect);
  inner_pull.consume = marked(pull_options.consume);
  try {
    return pull_image(client, store, reference, inner_pull, inner);
  } catch (const ThrownByHost& thrown) {
    std::rethrow_exception(thrown.cause);
  } catch (const Error& error) {
    const std::string name = reference.to_string();
    if (std::string_view(error.what()).find(name) != std::string_view::npos) throw;
    throw error.with_context("pull " + name);
  }
}

}  // namespace vmkit::oci
