// SPDX-License-Identifier: Apache-2.0
#include "oci/transfer/downloader.hpp"

#include <string>
#include <utility>

#include "oci/store/ingest.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr std::string_view phase = "pull";

/// Ingests and tells who wants to know.
class ReportingSink : public Sink {
 public:
  ReportingSink(Ingest& ingest, ProgressMeter& meter, Arrival* arrival)
      : ingest_(ingest), meter_(meter), arrival_(arrival) {}
  void write(std::span<const std::byte> data) override {
    ingest_.write(data);
    if (arrival_ != nullptr) arrival_->advance(ingest_.received());
    meter_.set(ingest_.received());
  }

 private:
  Ingest& ingest_;
  ProgressMeter& meter_;
  Arrival* arrival_;
};

std::map<Digest, std::shared_ptr<Arrival>> arrivals_of(const std::vector<Descriptor>& blobs) {
  std::map<Digest, std::shared_ptr<Arrival>> result;
  for (const Descriptor& blob : blobs) result[blob.digest] = std::make_shared<Arrival>();
  return result;
}

}  // namespace

Downloader::Downloader(RegistryClient& client, const ImageStore& store, const Reference& repository,
                       std::vector<Descriptor> blobs, bool verify_existing,
                       const CallOptions& options)
    : client_(client),
      store_(store),
      repository_(repository),
      blobs_(std::move(blobs)),
      verify_existing_(verify_existing),
      work_(options),
      arrivals_(arrivals_of(blobs_)),
      on_end_(work_.options().stop, [this] {
        for (const auto& [digest, arrival] : arrivals_) arrival->fail();
      }) {}

void Downloader::run(int threads, const std::function<void()>& consume) {
  work_.run(
      blobs_.size(), threads, [this](std::size_t index) { fetch(blobs_[index]); }, consume);
}

void Downloader::announce() {
  for (const Descriptor& blob : blobs_) {
    ProgressMeter(work_.options().progress, std::string(phase), blob.digest.to_string(),
                  ProgressUnit::bytes, blob.size.bytes())
        .flush();
  }
}

std::unique_ptr<Source> Downloader::open(const Descriptor& layer, const StopToken& stop) {
  const auto found = arrivals_.find(layer.digest);
  if (found == arrivals_.end()) {
    throw Error(Errc::not_found,
                "blob " + layer.digest.to_string() + " is no layer of " + repository_.to_string());
  }
  return std::make_unique<ArrivalSource>(store_, layer, found->second, stop);
}

void Downloader::fetch(const Descriptor& blob) {
  ProgressMeter meter(work_.options().progress, std::string(phase), blob.digest.to_string(),
                      ProgressUnit::bytes, blob.size.bytes());
  Arrival& arrival = *arrivals_.at(blob.digest);
  const bool bad =
      verify_existing_ && store_.has_blob(blob) && !store_.verify_blob(blob, work_.options());
  const auto ingest = Ingest::begin(
      store_, blob, bad ? Ingest::Existing::replace : Ingest::Existing::keep, work_.options());
  if (ingest) {
    // Bytes of an earlier attempt may be bad, and then are thrown away: nobody reads them before
    // the whole is verified.
    const bool resumed = ingest->received() > 0;
    if (!resumed) arrival.begin(ingest->open_for_reading());
    download(*ingest, blob, meter, resumed ? nullptr : &arrival);
    try {
      ingest->commit();
    } catch (const Error& error) {
      // Those that a crash left behind may be bad; fresh ones from the registry may not.
      if (!resumed || error.code() != Errc::data_corruption) throw;
      download(*ingest, blob, meter, nullptr);
      ingest->commit();
    }
  }
  arrival.finish();
  meter.set(blob.size.bytes());
  meter.flush();
}

void Downloader::download(Ingest& ingest, const Descriptor& blob, ProgressMeter& meter,
                          Arrival* arrival) {
  ReportingSink sink(ingest, meter, arrival);
  client_.fetch_rest_of_blob(repository_, blob, ingest.received(), sink, work_.options());
}

}  // namespace vmkit::oci
