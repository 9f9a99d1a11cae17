// SPDX-License-Identifier: Apache-2.0
#include "oci/ingest.hpp"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "oci/store_layout.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr std::chrono::hours partial_lifetime{24};
constexpr std::size_t read_size = 256 * 1024;
/// The disk works while the network does: the sync at the end then finds little left to write.
constexpr std::uint64_t writeback_size = 8 << 20;

std::filesystem::path partial_path(const std::filesystem::path& root, const Digest& digest) {
  return root / layout::ingest / (std::string(to_string(digest.algorithm())) + '-' + digest.hex());
}

}  // namespace

Ingest::Ingest(std::filesystem::path target, Descriptor descriptor, os::ExclusiveFile file)
    : target_(std::move(target)),
      descriptor_(std::move(descriptor)),
      file_(std::move(file)),
      hasher_(descriptor_.digest.algorithm()) {}

std::unique_ptr<Ingest> Ingest::begin(const ImageStore& store, const Descriptor& descriptor,
                                      Existing existing, const CallOptions& options) {
  if (existing == Existing::keep && store.has_blob(descriptor)) return nullptr;
  std::unique_ptr<Ingest> ingest(
      new Ingest(store.blob_path(descriptor.digest), descriptor,
                 os::ExclusiveFile::open(partial_path(store.root(), descriptor.digest), options)));
  // Whoever held the file before may have finished the blob.
  if (existing == Existing::keep && store.has_blob(descriptor)) return nullptr;
  ingest->hash_existing(options);
  return ingest;
}

Ingest::~Ingest() {
  if (committed_ || received_ != 0) return;
  try {
    file_.remove();
  } catch (const Error&) {
    // An empty file that stays is swept later and harms nobody.
  }
}

void Ingest::hash_existing(const CallOptions& options) {
  const std::uint64_t length = file_.file().size().bytes();
  if (length > descriptor_.size.bytes()) {
    restart();
    return;
  }
  std::vector<std::byte> buffer(std::min<std::uint64_t>(length, read_size));
  while (received_ < length) {
    options.check("resume " + descriptor_.digest.to_string());
    const std::size_t count = file_.file().read_at(received_, buffer);
    if (count == 0) break;
    hasher_.update(std::span(buffer).first(count));
    received_ += count;
  }
}

void Ingest::write(std::span<const std::byte> data) {
  if (data.size() > descriptor_.size.bytes() - received_) {
    restart();
    throw Error(Errc::data_corruption, "blob " + descriptor_.digest.to_string() + ": expected " +
                                           std::to_string(descriptor_.size.bytes()) +
                                           " bytes, found more");
  }
  file_.file().write_at(received_, data);
  hasher_.update(data);
  received_ += data.size();
  if (received_ - written_back_ >= writeback_size) {
    file_.file().start_writeback(written_back_, received_ - written_back_);
    written_back_ = received_;
  }
}

os::File Ingest::open_for_reading() const {
  return os::File::open(file_.file().path(), os::File::Mode::read, 0, false);
}

void Ingest::restart() {
  file_.file().resize(ByteSize(0));
  hasher_ = Hasher(descriptor_.digest.algorithm());
  received_ = 0;
  written_back_ = 0;
}

void Ingest::commit() {
  const std::uint64_t length = received_;
  const Digest found = hasher_.finish();
  if (length != descriptor_.size.bytes() || found != descriptor_.digest) {
    restart();
    const std::string name = "blob " + descriptor_.digest.to_string();
    if (length != descriptor_.size.bytes()) {
      throw Error(Errc::data_corruption, name + ": expected " +
                                             std::to_string(descriptor_.size.bytes()) +
                                             " bytes, found " + std::to_string(length));
    }
    throw Error(Errc::data_corruption, name + ": its content has the digest " + found.to_string());
  }
  file_.file().sync();
  file_.rename_to(target_);
  committed_ = true;
}

void remove_stale_ingests(const std::filesystem::path& store_root) {
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(store_root / layout::ingest, ignored)) {
    const auto written = entry.last_write_time(ignored);
    if (ignored || std::filesystem::file_time_type::clock::now() - written < partial_lifetime) {
      continue;
    }
    try {
      if (auto file = os::ExclusiveFile::try_open(entry.path())) file->remove();
    } catch (const Error&) {
      // Not a file, or not ours: no leftover of a download.
    }
  }
}

}  // namespace vmkit::oci
