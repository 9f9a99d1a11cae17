// SPDX-License-Identifier: Apache-2.0
#include "oci/store/ingest.hpp"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "oci/store/store_files.hpp"
#include "oci/store/store_layout.hpp"
#include "os/file_lock.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr std::chrono::hours partial_lifetime{24};
constexpr std::size_t read_size = 256 * 1024;
/// The disk works while the network does: the sync at the end then finds little left to write.
constexpr std::uint64_t writeback_size = 8 << 20;

}  // namespace

std::filesystem::path partial_path(const std::filesystem::path& store_root, const Digest& digest) {
  return store_root / layout::ingest /
         (std::string(to_string(digest.algorithm())) + '-' + digest.hex());
}

Ingest::Ingest(std::filesystem::path target, Descriptor descriptor, os::ExclusiveFile file)
    : target_(std::move(target)),
      descriptor_(std::move(descriptor)),
      file_(std::move(file)),
      hasher_(descriptor_.digest.algorithm()) {}

std::unique_ptr<Ingest> Ingest::begin(const ImageStore& store, const Descriptor& descriptor,
                                      Existing existing, const CallOptions& options) {
  if (existing == Existing::keep && store.has_blob(descriptor)) return nullptr;
  make_store_folder(store.blob_path(descriptor.digest).parent_path());
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

std::vector<PartialBlob> partial_blobs(const std::filesystem::path& store_root) {
  std::vector<PartialBlob> result;
  const auto folder = store_root / layout::ingest;
  std::error_code problem;
  std::filesystem::directory_iterator at(folder, problem);
  for (const std::filesystem::directory_iterator end; !problem && at != end;
       at.increment(problem)) {
    std::string name = at->path().filename().string();
    if (const auto dash = name.find('-'); dash != name.npos) name[dash] = ':';
    auto digest = Digest::try_parse(name);
    const auto status = os::regular_file_status(at->path());
    if (digest && status) result.push_back({*std::move(digest), at->path(), *status});
  }
  if (problem) throw Error::from_errno(problem.value(), "read folder " + folder.string());
  return result;
}

bool is_being_written(const PartialBlob& partial) {
  try {
    return !os::try_lock(open_store_file(partial.path), os::FileLock::Kind::exclusive);
  } catch (const Error& error) {
    if (error.code() == Errc::not_found) return true;  // it was, and is finished
    throw;
  }
}

bool remove_partial(const PartialBlob& partial) {
  auto file = os::ExclusiveFile::try_open(partial.path);
  if (file) file->remove();
  return file.has_value();
}

void remove_stale_ingests(const std::filesystem::path& store_root) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  try {
    for (const PartialBlob& partial : partial_blobs(store_root)) {
      if (now - partial.status.modified >= partial_lifetime) remove_partial(partial);
    }
  } catch (const Error&) {
    // What cannot be removed only takes space; collect_garbage() tells why.
  }
}

}  // namespace vmkit::oci
