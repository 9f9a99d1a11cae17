// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <utility>

#include "oci/registry/registry_client_impl.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

/// How long a registry may take to forget what was sent in vain.
constexpr std::chrono::seconds abandon_time{2};
constexpr std::chrono::milliseconds abandon_time_when_stopped{25};

/// What is sent of a blob, piece by piece: as long as the pieces follow each other they come from
/// one source. Confined.
class OutgoingBlob {
 public:
  explicit OutgoingBlob(const BlobOpener& open) : open_(open) {}

  HttpPayload piece(std::uint64_t offset, std::uint64_t length) {
    return {length, [this, offset] { return std::make_unique<Piece>(*this, offset); }};
  }

 private:
  class Piece : public Source {
   public:
    Piece(OutgoingBlob& blob, std::uint64_t offset) : blob_(blob), offset_(offset) {}
    std::size_t read(std::span<std::byte> buffer) override {
      const std::size_t count = blob_.read_at(offset_, buffer);
      offset_ += count;
      return count;
    }

   private:
    OutgoingBlob& blob_;
    std::uint64_t offset_;
  };

  std::size_t read_at(std::uint64_t offset, std::span<std::byte> buffer) {
    if (!source_ || position_ != offset) {
      source_.reset();
      source_ = open_(offset);
      position_ = offset;
    }
    const std::size_t count = source_->read(buffer);
    position_ += count;
    return count;
  }

  const BlobOpener& open_;
  std::unique_ptr<Source> source_;
  std::uint64_t position_ = 0;
};

/// How many bytes a registry has by its header Range: "0-99", or by some "bytes=0-99". nullopt for
/// anything else.
std::optional<std::uint64_t> received_by(const HttpResponse& response) {
  const std::string header = response.header("range");
  std::string_view text = header;
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  if (!text.starts_with("0-")) return std::nullopt;
  text.remove_prefix(2);
  std::uint64_t last = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), last);
  if (error != std::errc() || at != text.data() + text.size() || last >= INT64_MAX) {
    return std::nullopt;
  }
  return last + 1;
}

/// One blob on its way into one repository. Confined.
class Uploader {
 public:
  Uploader(RegistryAccess& access, const Reference& repository, const Descriptor& descriptor,
           const BlobOpener& open, const BlobUploadOptions& upload_options, const CallOptions& call)
      : access_(access),
        registry_(access.registry_of(repository)),
        repository_(repository),
        descriptor_(descriptor),
        scope_(push_scope(repository)),
        what_("blob " + descriptor.digest.to_string() + " of " + repository.name()),
        size_(descriptor.size.bytes()),
        chunk_size_(upload_options.chunk_size.bytes()),
        blob_(open),
        backoff_(access.options.retry, access.exchanger.log()),
        call_(call) {}

  bool is_there() {
    return blob_is_there(access_, registry_, scope_, repository_, descriptor_, call_);
  }

  /// False if the registry wants the blob to be sent.
  bool mount(const Reference& from) {
    HttpRequest request{HttpMethod::post, uploads_url()};
    request.url = with_query(request.url, "mount", descriptor_.digest.to_string());
    request.url = with_query(request.url, "from", from.repository());
    Answer answer;
    try {
      // One token that allows both.
      answer = access_.settle(registry_, scope_ + ' ' + pull_scope(from), request, {},
                              access_.options.retry, what_, call_);
    } catch (const Error& error) {
      // Who may not read there may still write here.
      if (error.code() != Errc::unauthenticated) throw;
      return false;
    }
    if (answer.ok() && answer.response.status == 201) {
      check_announced(answer, descriptor_.digest, what_);
      return true;
    }
    if (answer.ok() && answer.response.status == 202) begin_at(answer);
    return false;
  }

  void upload() {
    try {
      send_all();
    } catch (...) {
      abandon();
      throw;
    }
  }

 private:
  std::string uploads_url() const {
    return repository_url(registry_, repository_) + "blobs/uploads/";
  }
  bool in_one_request() const { return chunk_size_ == 0 || size_ <= chunk_size_; }

  void send_all() {
    while (!complete_) {
      if (location_.empty()) begin();
      const std::uint64_t before = offset_;
      const Answer answer = send_next();
      if (offset_ - before >= worthwhile_progress) backoff_.reset();
      if (answer.ok()) continue;
      unreachable_ = answer.response.failure.has_value();
      const int status = answer.response.status;
      if (!answer.transient() && status != 404 && status != 416) throw error_of(answer, what_);
      backoff_.pause(error_of(answer, what_), answer.response, call_);
      unreachable_ = false;
      if (!answer.response.failure && status == 404) {
        forget();  // unknown there: nothing to go on with
      } else {
        ask_where_it_is();
      }
    }
  }

  void begin() {
    const Answer answer = access_.settle(registry_, scope_, {HttpMethod::post, uploads_url()}, {},
                                         access_.options.retry, what_, call_);
    if (!answer.ok()) throw error_of(answer, what_);
    begin_at(answer);
  }

  void begin_at(const Answer& answer) {
    forget();
    take_location(answer);
    if (location_.empty()) {
      throw Error(Errc::data_corruption, what_ + ": " + answer.host +
                                             " began an upload without saying where (expected a "
                                             "Location)");
    }
    const std::string least = answer.response.header("oci-chunk-min-length");
    std::uint64_t wanted = 0;
    std::from_chars(least.data(), least.data() + least.size(), wanted);
    if (chunk_size_ != 0) chunk_size_ = std::max(chunk_size_, wanted);
  }

  /// Each answer may say where the next request belongs.
  void take_location(const Answer& answer) {
    const std::string header = answer.response.header("location");
    if (header.empty()) return;
    auto next = resolve_url(answer.url, header);
    if (!next) {
      throw Error(Errc::data_corruption,
                  what_ + ": " + answer.host + " gave a Location that is no http URL");
    }
    const auto here = HttpUrl::parse(answer.url);
    const auto there = HttpUrl::parse(*next);
    if (here->scheme == "https" && there->scheme != "https") {
      throw Error(Errc::permission_denied, what_ + ": " + answer.host +
                                               " gave a Location from https to plain http at " +
                                               there->host + ", where nothing is sent");
    }
    location_ = *std::move(next);
  }

  Answer send_next() {
    const bool whole = offset_ == 0 && in_one_request();
    if (whole || offset_ == size_) return put(size_ - offset_);
    return patch(chunk_size_ == 0 ? size_ - offset_ : std::min(chunk_size_, size_ - offset_));
  }

  /// The rest, if there is any, and the digest: the end of the upload.
  Answer put(std::uint64_t length) {
    HttpRequest request{HttpMethod::put,
                        with_query(location_, "digest", descriptor_.digest.to_string())};
    request.headers = {"Content-Type: application/octet-stream"};
    request.payload = blob_.piece(offset_, length);
    Answer answer = access_.send(registry_, scope_, request, {}, call_);
    if (!answer.ok()) return answer;
    if (answer.response.status == 202) {
      throw Error(Errc::data_corruption, what_ + ": expected 201 at the end of the upload, " +
                                             answer.host + " answered 202");
    }
    location_.clear();  // there is no upload any more
    check_announced(answer, descriptor_.digest, what_);
    complete_ = true;
    return answer;
  }

  Answer patch(std::uint64_t length) {
    HttpRequest request{HttpMethod::patch, location_};
    request.headers = {
        "Content-Type: application/octet-stream",
        "Content-Range: " + std::to_string(offset_) + '-' + std::to_string(offset_ + length - 1)};
    request.payload = blob_.piece(offset_, length);
    Answer answer = access_.send(registry_, scope_, request, {}, call_);
    if (!answer.ok()) return answer;
    const std::uint64_t received = answer.response.header("range").empty()
                                       ? offset_ + length
                                       : received_by(answer.response).value_or(0);
    if (received <= offset_ || received > offset_ + length) {
      throw Error(Errc::data_corruption, what_ + ": after the bytes " + std::to_string(offset_) +
                                             " to " + std::to_string(offset_ + length - 1) + " " +
                                             answer.host + " says that it has \"" +
                                             answer.response.header("range").substr(0, 60) + '"');
    }
    offset_ = received;
    take_location(answer);
    return answer;
  }

  /// After a break: how much arrived.
  void ask_where_it_is() {
    Answer answer;
    for (;;) {
      answer = access_.send(registry_, scope_, {HttpMethod::get, location_}, {}, call_);
      const int status = answer.response.status;
      // Other errors are those of registries that cannot tell.
      if (!answer.response.failure && status != 408 && status != 429 && status != 503) break;
      backoff_.pause(error_of(answer, what_), answer.response, call_);
    }
    const auto received = answer.ok() ? received_by(answer.response) : std::nullopt;
    // "0-0" is said for one byte and for none.
    if (!received || *received <= 1 || *received > size_) {
      abandon();
      forget();
      return;
    }
    offset_ = *received;
    take_location(answer);
  }

  void forget() {
    location_.clear();
    offset_ = 0;
  }

  /// Tells the registry that no more will come. It would find out by itself, in days.
  void abandon() noexcept {
    if (location_.empty() || unreachable_ || !registry_.owns(location_)) return;
    try {
      // A call that was stopped ends at once, or almost: mostly the registry is near.
      const bool ended = call_.stop.stop_requested();
      CallOptions brief = ended ? CallOptions().with_timeout(abandon_time_when_stopped)
                                : call_.with_timeout(abandon_time);
      brief.progress = {};
      access_.send(registry_, scope_, {HttpMethod::delete_, location_}, {}, brief);
    } catch (...) {
      // What went wrong before is what the caller needs to know.
    }
  }

  RegistryAccess& access_;
  const Registry registry_;
  const Reference& repository_;
  const Descriptor& descriptor_;
  const std::string scope_;
  const std::string what_;
  const std::uint64_t size_;
  std::uint64_t chunk_size_;
  OutgoingBlob blob_;
  Backoff backoff_;
  const CallOptions& call_;
  std::string location_;      // where the next request goes; empty: no upload has begun
  std::uint64_t offset_ = 0;  // what the registry has
  bool complete_ = false;
  bool unreachable_ = false;
};

}  // namespace

BlobUpload RegistryClient::push_blob(const Reference& repository, const Descriptor& descriptor,
                                     const BlobOpener& open,
                                     const BlobUploadOptions& upload_options,
                                     const CallOptions& options) {
  const auto& from = upload_options.mount_from;
  if (from && from->registry() != repository.registry()) {
    throw Error(Errc::invalid_argument, "mount_from: expected a repository of \"" +
                                            repository.registry() + "\", found one of \"" +
                                            from->registry() + '"');
  }
  Uploader uploader(*impl_, repository, descriptor, open, upload_options, options);
  if (uploader.is_there()) return BlobUpload::existed;
  if (from && from->repository() != repository.repository() && uploader.mount(*from)) {
    return BlobUpload::mounted;
  }
  uploader.upload();
  return BlobUpload::uploaded;
}

}  // namespace vmkit::oci
