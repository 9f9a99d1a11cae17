// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "oci/image_blobs.hpp"
#include "oci/ingest.hpp"
#include "oci/platform_choice.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/pull.hpp>

namespace vmkit::oci {
namespace {

constexpr int most_parallel_downloads = 16;
constexpr std::string_view phase = "pull";

/// Ingests and reports.
class ReportingSink : public Sink {
 public:
  ReportingSink(Ingest& ingest, ProgressMeter& meter) : ingest_(ingest), meter_(meter) {}
  void write(std::span<const std::byte> data) override {
    ingest_.write(data);
    meter_.set(ingest_.received());
  }

 private:
  Ingest& ingest_;
  ProgressMeter& meter_;
};

/// Brings blobs of one repository into a store, several at once. The first failure, the callback's
/// included, ends all and is what the caller gets.
class Downloader {
 public:
  Downloader(RegistryClient& client, const ImageStore& store, const Reference& repository,
             bool verify_existing, const CallOptions& options)
      : client_(client),
        store_(store),
        repository_(repository),
        verify_existing_(verify_existing),
        outer_stop_(options.stop, [this] { stop_.request_stop(); }) {
    inner_.stop = stop_.token();
    inner_.deadline = options.deadline;
    if (options.progress) {
      inner_.progress = [this, &options](const Progress& progress) {
        const std::lock_guard lock(progress_mutex_);
        if (failed_) return;
        try {
          options.progress(progress);
        } catch (...) {
          fail(std::current_exception());  // before another thread calls it again
          throw;
        }
      };
    }
  }

  void run(const std::vector<Descriptor>& blobs, int threads) {
    std::atomic<std::size_t> next{0};
    const auto work = [&]() noexcept {
      for (;;) {
        const std::size_t mine = next++;
        if (mine >= blobs.size() || failed_) return;
        try {
          fetch(blobs[mine]);
        } catch (...) {
          fail(std::current_exception());
        }
      }
    };
    std::vector<std::thread> helpers;
    const auto join = [&] {
      for (std::thread& helper : helpers) helper.join();
    };
    try {
      const std::size_t wanted =
          std::min<std::size_t>(static_cast<std::size_t>(threads), blobs.size());
      while (helpers.size() + 1 < wanted) helpers.emplace_back(work);
    } catch (const std::system_error&) {
      // Fewer threads only take longer.
    }
    work();  // this thread is one of them
    join();
    if (first_failure_) std::rethrow_exception(first_failure_);
  }

  /// Reports the layers that are to come, so that the host knows the sum.
  void announce(const std::vector<Descriptor>& blobs) {
    for (const Descriptor& blob : blobs) {
      ProgressMeter(inner_.progress, std::string(phase), blob.digest.to_string(),
                    ProgressUnit::bytes, blob.size.bytes())
          .flush();
    }
  }

 private:
  void fetch(const Descriptor& blob) {
    ProgressMeter meter(inner_.progress, std::string(phase), blob.digest.to_string(),
                        ProgressUnit::bytes, blob.size.bytes());
    const bool bad = verify_existing_ && store_.has_blob(blob) && !store_.verify_blob(blob, inner_);
    const auto ingest = Ingest::begin(
        store_, blob, bad ? Ingest::Existing::replace : Ingest::Existing::keep, inner_);
    if (ingest) {
      const bool resumed = ingest->received() > 0;
      download(*ingest, blob, meter);
      try {
        ingest->commit();
      } catch (const Error& error) {
        // Bytes that a crash left behind may be bad; fresh ones from the registry may not.
        if (!resumed || error.code() != Errc::data_corruption) throw;
        download(*ingest, blob, meter);
        ingest->commit();
      }
    }
    meter.set(blob.size.bytes());
    meter.flush();
  }

  void download(Ingest& ingest, const Descriptor& blob, ProgressMeter& meter) {
    ReportingSink sink(ingest, meter);
    client_.fetch_rest_of_blob(repository_, blob, ingest.received(), sink, inner_);
  }

  void fail(std::exception_ptr failure) {
    {
      const std::lock_guard lock(failure_mutex_);
      if (failed_.exchange(true)) return;
      first_failure_ = std::move(failure);
    }
    stop_.request_stop();
  }

  RegistryClient& client_;
  const ImageStore& store_;
  const Reference& repository_;
  const bool verify_existing_;
  StopSource stop_;
  StopCallback outer_stop_;
  CallOptions inner_;
  std::mutex progress_mutex_;
  std::mutex failure_mutex_;
  std::atomic<bool> failed_{false};
  std::exception_ptr first_failure_;
};

/// Each blob once, in order; the same digest with two sizes is a lie.
std::vector<Descriptor> distinct(const std::vector<Descriptor>& blobs) {
  std::vector<Descriptor> result;
  std::map<Digest, ByteSize> sizes;
  for (const Descriptor& blob : blobs) {
    const auto [known, added] = sizes.emplace(blob.digest, blob.size);
    if (added) {
      result.push_back(blob);
    } else if (known->second != blob.size) {
      throw Error(Errc::data_corruption, "manifest: " + blob.digest.to_string() +
                                             " is listed with two sizes, " +
                                             std::to_string(known->second.bytes()) + " and " +
                                             std::to_string(blob.size.bytes()));
    }
  }
  return result;
}

ManifestDocument fetch_listed(RegistryClient& client, const Reference& reference,
                              const Descriptor& entry, const CallOptions& options) {
  ManifestDocument document = client.fetch_manifest(reference.with_digest(entry.digest), options);
  const std::string what = "manifest " + entry.digest.to_string();
  if (document.descriptor.size != entry.size) {
    throw Error(Errc::data_corruption, what + ": expected " + std::to_string(entry.size.bytes()) +
                                           " bytes, found " +
                                           std::to_string(document.descriptor.size.bytes()));
  }
  if (document.descriptor.media_type != entry.media_type) {
    throw Error(Errc::data_corruption, what + ": expected " + entry.media_type + ", found " +
                                           document.descriptor.media_type);
  }
  return document;
}

/// The manifest for the platform, through as many indexes as it takes.
ManifestDocument choose(RegistryClient& client, const Reference& reference,
                        ManifestDocument document, const Platform& platform,
                        const CallOptions& options) {
  for (int depth = 0; media_type::is_index(document.descriptor.media_type); ++depth) {
    check_index_depth(depth, reference.to_string());
    const Index index =
        Index::parse(document.content, "index " + document.descriptor.digest.to_string(),
                     document.descriptor.media_type);
    const auto choice = choose_manifest(index, platform);
    if (!choice) {
      throw Error(Errc::unsupported, "there is no image for " + platform.normalized().to_string() +
                                         "; there are images for: " + offered_platforms(index));
    }
    document = fetch_listed(client, reference, index.manifests[*choice], options);
  }
  return document;
}

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

Image pull_image(RegistryClient& client, ImageStore& store, const Reference& reference,
                 const PullOptions& pull_options, const CallOptions& options) {
  if (!pull_options.verify_existing) {
    if (auto image = unchanged(client, store, reference, pull_options, options)) return *image;
  }
  const ManifestDocument top = client.fetch_manifest(reference, options);
  const ManifestDocument chosen = choose(client, reference, top, pull_options.platform, options);
  const Descriptor& descriptor = chosen.descriptor;
  const Manifest manifest = Manifest::parse(
      chosen.content, "manifest " + descriptor.digest.to_string(), descriptor.media_type);
  check_is_image(manifest);
  if (manifest.config.size > longest_document) {
    throw Error(Errc::data_corruption, "configuration " + manifest.config.digest.to_string() +
                                           ": expected at most " + to_string(longest_document) +
                                           ", found " + to_string(manifest.config.size));
  }
  const std::vector<Descriptor> layers = distinct(manifest.layers);
  // From before the first look for a blob until the image has its name.
  Lease lease = Lease::begin(store, options);
  lease.add(digests_of(descriptor, manifest), options);

  // First what is small and may show that the rest is not worth fetching.
  CallOptions silent = options;
  silent.progress = {};
  Downloader(client, store, reference, pull_options.verify_existing, silent)
      .run({manifest.config}, 1);
  const ImageConfig config = ImageConfig::parse(
      store.read_blob(manifest.config), "configuration " + manifest.config.digest.to_string());
  check_layer_count(manifest, config);
  check_platform(pull_options.platform, config.platform);

  Downloader downloader(client, store, reference, pull_options.verify_existing, options);
  downloader.announce(layers);
  downloader.run(layers, pull_options.parallel_downloads);
  store_manifest(store, chosen, pull_options.verify_existing, options);
  return store.tag(reference, descriptor, top.descriptor.digest, options);
}

}  // namespace

Image pull(RegistryClient& client, ImageStore& store, const Reference& reference,
           const PullOptions& pull_options, const CallOptions& options) {
  if (pull_options.parallel_downloads < 1 ||
      pull_options.parallel_downloads > most_parallel_downloads) {
    throw Error(Errc::invalid_argument, "parallel_downloads: expected 1 to " +
                                            std::to_string(most_parallel_downloads) + ", found " +
                                            std::to_string(pull_options.parallel_downloads));
  }
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
    return pull_image(client, store, reference, pull_options, inner);
  } catch (const Error& error) {
    const std::string name = reference.to_string();
    if (thrown_by_callback) throw;
    if (std::string_view(error.what()).find(name) != std::string_view::npos) throw;
    throw error.with_context("pull " + name);
  }
}

}  // namespace vmkit::oci
