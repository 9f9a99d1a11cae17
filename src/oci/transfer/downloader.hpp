// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "oci/transfer/arrival.hpp"
#include "oci/transfer/parallel_work.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/progress.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

class Ingest;

/// Brings blobs of one repository into a store, several at once, readable while they come. The
/// first failure, a callback's included, ends all and is what the caller gets. Used for one run.
class Downloader : public ArrivingLayers {
 public:
  /// All referred to must outlive this. `blobs` are distinct.
  Downloader(RegistryClient& client, const ImageStore& store, const Reference& repository,
             std::vector<Descriptor> blobs, bool verify_existing, const CallOptions& options);

  /// Returns when all blobs are there. `consume`, if there is one, runs meanwhile in the calling
  /// thread.
  void run(int threads, const std::function<void()>& consume = {});

  /// Reports the blobs that are to come, so that the host knows the sum.
  void announce();

  std::unique_ptr<Source> open(const Descriptor& layer, const StopToken& stop) override;

 private:
  void fetch(const Descriptor& blob);
  void download(Ingest& ingest, const Descriptor& blob, ProgressMeter& meter, Arrival* arrival);

  RegistryClient& client_;
  const ImageStore& store_;
  const Reference& repository_;
  const std::vector<Descriptor> blobs_;
  const bool verify_existing_;
  ParallelWork work_;
  const std::map<Digest, std::shared_ptr<Arrival>> arrivals_;
  StopCallback on_end_;  // of everything, whoever ends it: nobody waits for what will not come
};

}  // namespace vmkit::oci
