// SPDX-License-Identifier: Apache-2.0
#include "oci/transfer/downloader.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <thread>
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

}  // namespace

Downloader::Downloader(RegistryClient& client, const ImageStore& store, const Reference& repository,
                       std::vector<Descriptor> blobs, bool verify_existing,
                       const CallOptions& options)
    : client_(client),
      store_(store),
      repository_(repository),
      blobs_(std::move(blobs)),
      verify_existing_(verify_existing),
      outer_stop_(options.stop, [this] { stop_.request_stop(); }) {
  for (const Descriptor& blob : blobs_) arrivals_[blob.digest] = std::make_shared<Arrival>();
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

void Downloader::run(int threads, const std::function<void()>& consume) {
  // Without a consumer the calling thread is one of the workers.
  const std::size_t wanted =
      std::min<std::size_t>(static_cast<std::size_t>(threads), blobs_.size()) -
      (consume || blobs_.empty() ? 0 : 1);
  std::vector<std::thread> helpers;
  try {
    while (helpers.size() < wanted) helpers.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // Fewer threads only take longer.
  }
  if (!consume || helpers.empty()) work();
  if (consume && !failed_) {
    try {
      consume();
    } catch (...) {
      fail(std::current_exception());
    }
  }
  for (std::thread& helper : helpers) helper.join();
  if (first_failure_) std::rethrow_exception(first_failure_);
}

void Downloader::announce() {
  for (const Descriptor& blob : blobs_) {
    ProgressMeter(inner_.progress, std::string(phase), blob.digest.to_string(), ProgressUnit::bytes,
                  blob.size.bytes())
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

void Downloader::work() noexcept {
  for (;;) {
    const std::size_t mine = next_++;
    if (mine >= blobs_.size() || failed_) return;
    try {
      fetch(blobs_[mine]);
    } catch (...) {
      fail(std::current_exception());
    }
  }
}

void Downloader::fetch(const Descriptor& blob) {
  ProgressMeter meter(inner_.progress, std::string(phase), blob.digest.to_string(),
                      ProgressUnit::bytes, blob.size.bytes());
  Arrival& arrival = *arrivals_.at(blob.digest);
  const bool bad = verify_existing_ && store_.has_blob(blob) && !store_.verify_blob(blob, inner_);
  const auto ingest =
      Ingest::begin(store_, blob, bad ? Ingest::Existing::replace : Ingest::Existing::keep, inner_);
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
  client_.fetch_rest_of_blob(repository_, blob, ingest.received(), sink, inner_);
}

void Downloader::fail(std::exception_ptr failure) {
  {
    const std::lock_guard lock(failure_mutex_);
    if (failed_.exchange(true)) return;
    first_failure_ = std::move(failure);
  }
  stop_.request_stop();
  for (const auto& [digest, arrival] : arrivals_) arrival->fail();
}

}  // namespace vmkit::oci
