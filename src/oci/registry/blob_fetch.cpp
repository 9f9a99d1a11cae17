// SPDX-License-Identifier: Apache-2.0
#include "oci/registry/blob_fetch.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;
};

/// "bytes 10-99/100" or "bytes 10-99/*".
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  ContentRange range;
  std::uint64_t last = 0;
  const char* const end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, range.first);
  if (error != std::errc() || at == end || *at != '-') return std::nullopt;
  const auto second = std::from_chars(at + 1, end, last);
  at = second.ptr;
  error = second.ec;
  if (error != std::errc() || at == end || *at != '/') return std::nullopt;
  std::uint64_t total = 0;
  if (const auto result = std::from_chars(at + 1, end, total); result.ec == std::errc()) {
    range.total = total;
  }
  return range;
}

/// Takes the bodies of all attempts at one blob and gives the sink each byte once. Confined.
class BlobReceiver {
 public:
  BlobReceiver(const Descriptor& descriptor, Sink& sink, std::uint64_t offset)
      : descriptor_(descriptor), sink_(sink), received_(offset) {}

  std::uint64_t received() const { return received_; }
  bool complete() const { return received_ == descriptor_.size.bytes(); }
  bool wants_range() const { return received_ > 0 && ranges_work_; }
  void without_ranges() { ranges_work_ = false; }

  void begin_attempt() { position_.reset(); }
  void begin_source() { ranges_work_ = true; }
  /// Whether the sink threw: then nobody else need be asked for the blob.
  bool sink_failed() const { return sink_failed_; }

  void take(const HttpResponse& response, std::span<const std::byte> data) {
    if (!position_) position_ = begin_body(response);
    if (data.size() > descriptor_.size.bytes() - *position_) {
      fail("expected " + std::to_string(descriptor_.size.bytes()) + " bytes, found more");
    }
    // What came in an earlier attempt is not given twice.
    const std::uint64_t known = std::min<std::uint64_t>(received_ - *position_, data.size());
    *position_ += data.size();
    if (known == data.size()) return;
    try {
      sink_.write(data.subspan(known));
    } catch (...) {
      sink_failed_ = true;
      throw;
    }
    received_ = *position_;
  }

  /// Whether the answer, which had no body, could be a part of the blob.
  void check_empty(const HttpResponse& response) {
    if (!position_) position_ = begin_body(response);
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(Errc::data_corruption, "blob " + descriptor_.digest.to_string() + ": " + problem);
  }

 private:
  /// Where in the blob this answer's body begins.
  std::uint64_t begin_body(const HttpResponse& response) {
    const std::uint64_t size = descriptor_.size.bytes();
    std::uint64_t first = 0;
    if (response.status == 206) {
      const auto range = parse_content_range(response.header("content-range"));
      if (!range || range->first != received_ || range->total.value_or(size) != size) {
        fail("asked for its bytes from " + std::to_string(received_) + " of " +
             std::to_string(size) + ", the registry sent \"" +
             response.header("content-range").substr(0, 60) + "\"");
      }
      first = range->first;
    }
    if (response.content_length && *response.content_length != size - first) {
      fail("expected " + std::to_string(size - first) + " bytes, the registry announces " +
           std::to_string(*response.content_length));
    }
    return first;
  }

  const Descriptor& descriptor_;
  Sink& sink_;
  std::uint64_t received_;
  std::optional<std::uint64_t> position_;  // in the blob, of the attempt that runs
  bool ranges_work_ = true;
  bool sink_failed_ = false;
};

/// Passes on and hashes.
class HashingSink : public Sink {
 public:
  HashingSink(Sink& next, DigestAlgorithm algorithm) : next_(next), hasher_(algorithm) {}
  void write(std::span<const std::byte> data) override {
    hasher_.update(data);
    next_.write(data);
  }
  Digest finish() { return hasher_.finish(); }

 private:
  Sink& next_;
  Hasher hasher_;
};

/// All of the blob that is missing, from one registry or mirror.
void fetch_rest(RegistryAccess& access, const Registry& registry, const RetryOptions& retry,
                const Reference& repository, const Descriptor& descriptor, BlobReceiver& receiver,
                const CallOptions& call) {
  const std::string what = "blob " + descriptor.digest.to_string() + " of " + repository.name();
  const HttpBody take = [&](const HttpResponse& response, std::span<const std::byte> data) {
    receiver.take(response, data);
  };
  Backoff backoff(retry, access.exchanger.log());
  std::uint64_t last_progress = receiver.received();
  receiver.begin_source();
  while (!receiver.complete()) {
    HttpRequest request{HttpMethod::get, repository_url(registry, repository) + "blobs/" +
                                             descriptor.digest.to_string()};
    // Not even a proxy on the way may pack what is packed already.
    request.headers = {"Accept-Encoding: identity"};
    const bool ranged = receiver.wants_range();
    if (ranged) {
      request.headers.push_back("Range: bytes=" + std::to_string(receiver.received()) + '-');
    }
    receiver.begin_attempt();
    const Answer answer = access.send(registry, pull_scope(repository), request, take, call);
    if (answer.ok() && receiver.complete()) break;
    if (answer.ok()) receiver.check_empty(answer.response);
    if (ranged && answer.response.status == 416) {
      receiver.without_ranges();
      continue;
    }
    if (!answer.ok() && !answer.transient()) throw error_of(answer, what);

    if (receiver.received() - last_progress >= worthwhile_progress) {
      last_progress = receiver.received();
      backoff.reset();
    }
    const Error error = answer.ok()
                            ? Error(Errc::data_corruption,
                                    what + ": expected " + std::to_string(descriptor.size.bytes()) +
                                        " bytes, found " + std::to_string(receiver.received()))
                            : error_of(answer, what);
    backoff.pause(error, answer.response, call);
  }
}

}  // namespace

void fetch_blob_from(RegistryAccess& access, const Reference& repository,
                     const Descriptor& descriptor, std::uint64_t offset, Sink& sink, bool verify,
                     const CallOptions& call) {
  const std::vector<Registry> mirrors = access.mirrors_of(repository);
  verify = verify || (!mirrors.empty() && offset == 0);
  HashingSink hashing(sink, descriptor.digest.algorithm());
  BlobReceiver receiver(descriptor, verify ? hashing : sink, offset);
  std::vector<Registry> givers;  // mirrors that some of the bytes came from
  bool done = false;
  for (const Registry& mirror : mirrors) {
    const std::uint64_t before = receiver.received();
    try {
      fetch_rest(access, mirror, access.mirror_retry, repository, descriptor, receiver, call);
      done = true;
    } catch (const Error& error) {
      if (receiver.sink_failed() || ends_call(error)) throw;
      access.mirror_failed(mirror, error);
    }
    if (receiver.received() > before) givers.push_back(mirror);
    if (done) break;
  }
  if (!done) {
    fetch_rest(access, access.registry_of(repository), access.options.retry, repository, descriptor,
               receiver, call);
  }
  if (!verify) return;
  if (const Digest found = hashing.finish(); found != descriptor.digest) {
    for (const Registry& mirror : givers) access.distrust(mirror);
    throw Error(Errc::data_corruption,
                "blob " + descriptor.digest.to_string() + ": its content has the digest " +
                    found.to_string() +
                    (givers.empty() ? "" : "; it came from a mirror, which is not asked again"));
  }
}

}  // namespace vmkit::oci
