// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "oci/ingest.hpp"
#include "oci/json.hpp"
#include "oci/layout_index.hpp"
#include "oci/platform_choice.hpp"
#include "oci/store_layout.hpp"
#include "os/atomic_file.hpp"
#include "os/directory.hpp"
#include "os/file_lock.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t hash_read_size = 256 * 1024;

/// Reads a blob's file and compares it with its descriptor at the end.
class BlobSource : public Source {
 public:
  BlobSource(os::File file, Descriptor descriptor)
      : file_(std::move(file)),
        descriptor_(std::move(descriptor)),
        hasher_(descriptor_.digest.algorithm()) {}

  std::size_t read(std::span<std::byte> buffer) override {
    if (at_end_) return 0;
    const std::size_t count = file_.read_at(offset_, buffer);
    if (count == 0) {
      check();
      at_end_ = true;
      return 0;
    }
    hasher_.update(buffer.first(count));
    offset_ += count;
    return count;
  }

 private:
  void check() {
    const Digest found = hasher_.finish();
    if (offset_ == descriptor_.size.bytes() && found == descriptor_.digest) return;
    throw Error(Errc::data_corruption,
                file_.path().string() + ": expected " + std::to_string(descriptor_.size.bytes()) +
                    " bytes with the digest " + descriptor_.digest.to_string() + ", found " +
                    std::to_string(offset_) + " bytes with " + found.to_string() +
                    "; pull the image again with verify_existing");
  }

  os::File file_;
  Descriptor descriptor_;
  Hasher hasher_;
  std::uint64_t offset_ = 0;
  bool at_end_ = false;
};

os::FileLock lock_index(const std::filesystem::path& root, const CallOptions& options) {
  return os::FileLock::acquire(root / layout::lock, os::FileLock::Kind::exclusive, options);
}

void check_marker(const std::filesystem::path& path, const std::string& content) {
  const auto json = parse_json(content, path.string());
  const std::string version = JsonObject(json, path.string()).required_word("imageLayoutVersion");
  if (!version.starts_with("1.")) {
    throw Error(Errc::unsupported, path.string() + ": expected image layout version 1.x, found " +
                                       version.substr(0, 40));
  }
}

/// Throws unless `root` is a store, or is to become one: empty but for what another process that
/// makes the store just now may have put there.
void refuse_foreign_folder(const std::filesystem::path& root) {
  const auto marker = root / layout::marker;
  std::optional<std::string> stranger;
  std::error_code problem;
  for (std::filesystem::directory_iterator at(root, problem), end; !problem && at != end;
       at.increment(problem)) {
    const std::string name = at->path().filename().string();
    if (name != layout::lock && name != layout::blobs && name != layout::ingest &&
        name != layout::index && name.find(".tmp-") == std::string::npos) {
      stranger = name;
    }
  }
  if (problem) throw Error::from_errno(problem.value(), "read folder " + root.string());
  // Read after the folder: a store has its marker as soon as it has anything else.
  if (const auto content = os::read_file_if_exists(marker, ByteSize(4096))) {
    check_marker(marker, *content);
  } else if (stranger) {
    throw Error(Errc::failed_precondition,
                root.string() + ": expected an image store or an empty folder, found " + *stranger);
  }
}

std::vector<Descriptor> blobs_of(const Manifest& manifest) {
  std::vector<Descriptor> result = manifest.layers;
  result.push_back(manifest.config);
  return result;
}

}  // namespace

ImageStore ImageStore::open(const std::filesystem::path& root, const CallOptions& options) {
  os::create_directories(root);
  const auto marker = root / layout::marker;
  refuse_foreign_folder(root);
  const auto lock = lock_index(root, options);
  os::AtomicFile::remove_abandoned(root);
  os::create_directories(root / layout::blobs / "sha256");
  os::create_directories(root / layout::ingest);
  std::error_code ignored;  // what cannot be looked at cannot be written either
  if (!std::filesystem::exists(root / layout::index, ignored)) LayoutIndex().write(root);
  // Last: with the marker in place everything else is.
  if (!std::filesystem::exists(marker, ignored)) os::write_file_atomically(marker, layout::marker_content);
  remove_stale_ingests(root);
  return ImageStore(root);
}

std::vector<ImageRecord> ImageStore::list() const {
  return LayoutIndex::read(root_).records();
}

std::optional<ImageRecord> ImageStore::find(const Reference& reference) const {
  auto records = list();
  const std::string name = reference.to_string();
  for (ImageRecord& record : records) {
    if (record.name == name) return std::move(record);
  }
  if (!reference.digest()) return std::nullopt;
  for (ImageRecord& record : records) {
    if (record.manifest.digest != *reference.digest() && record.source != reference.digest()) {
      continue;
    }
    const auto other = Reference::try_parse(record.name);
    if (other && other->name() == reference.name()) return std::move(record);
  }
  return std::nullopt;
}

std::optional<Image> ImageStore::resolve(const Reference& reference,
                                         const Platform& platform) const {
  const auto record = find(reference);
  if (!record) return std::nullopt;
  Descriptor manifest = record->manifest;
  for (int depth = 0; media_type::is_index(manifest.media_type); ++depth) {
    check_index_depth(depth, reference.to_string());
    const Index index = Index::parse(read_blob(manifest), "index " + manifest.digest.to_string(),
                                     manifest.media_type);
    const auto choice = choose_manifest(index, platform);
    if (!choice) return std::nullopt;
    manifest = index.manifests[*choice];
  }
  return load(reference, manifest);
}

Image ImageStore::load(const Reference& reference, const Descriptor& descriptor) const {
  const std::string context = "image " + reference.to_string();
  try {
    Manifest manifest = Manifest::parse(
        read_blob(descriptor), "manifest " + descriptor.digest.to_string(), descriptor.media_type);
    check_is_image(manifest);
    for (const Descriptor& blob : blobs_of(manifest)) {
      if (!has_blob(blob)) {
        throw Error(Errc::not_found, "blob " + blob.digest.to_string() +
                                         " is not in the store (any more); pull the image again");
      }
    }
    ImageConfig config = ImageConfig::parse(read_blob(manifest.config),
                                            "configuration " + manifest.config.digest.to_string());
    check_layer_count(manifest, config);
    Platform platform = config.platform;
    Descriptor plain{manifest.media_type, descriptor.digest, descriptor.size};
    if (!platform.architecture.empty()) plain.platform = platform;
    return Image{reference, std::move(plain), std::move(manifest), std::move(config),
                 std::move(platform)};
  } catch (const Error& error) {
    throw error.with_context(context);
  }
}

Image ImageStore::tag(const Reference& reference, const Descriptor& manifest,
                      const std::optional<Digest>& source, const CallOptions& options) {
  Image image = load(reference, manifest);
  // The files are synced; now their names.
  std::set<std::filesystem::path> folders = {blob_path(manifest.digest).parent_path()};
  for (const Descriptor& blob : blobs_of(image.manifest)) {
    folders.insert(blob_path(blob.digest).parent_path());
  }
  for (const auto& folder : folders) os::sync_directory(folder);

  const auto lock = lock_index(root_, options);
  LayoutIndex index = LayoutIndex::read(root_);
  index.put({reference.to_string(), image.descriptor, source.value_or(manifest.digest)});
  index.write(root_);
  return image;
}

bool ImageStore::remove(const Reference& reference, const CallOptions& options) {
  const auto lock = lock_index(root_, options);
  LayoutIndex index = LayoutIndex::read(root_);
  if (!index.erase(reference.to_string())) return false;
  index.write(root_);
  return true;
}

std::filesystem::path ImageStore::blob_path(const Digest& digest) const {
  return root_ / layout::blobs / to_string(digest.algorithm()) / digest.hex();
}

bool ImageStore::has_blob(const Descriptor& descriptor) const {
  std::error_code error;
  const auto path = blob_path(descriptor.digest);
  const auto size = std::filesystem::file_size(path, error);
  return !error && size == descriptor.size.bytes();
}

std::unique_ptr<Source> ImageStore::open_blob(const Descriptor& descriptor) const {
  return std::make_unique<BlobSource>(
      os::File::open(blob_path(descriptor.digest), os::File::Mode::read), descriptor);
}

std::string ImageStore::read_blob(const Descriptor& descriptor, ByteSize limit) const {
  if (descriptor.size > limit) {
    throw Error(Errc::data_corruption, "blob " + descriptor.digest.to_string() +
                                           ": expected at most " + vmkit::to_string(limit) +
                                           ", found " + vmkit::to_string(descriptor.size));
  }
  const auto source = open_blob(descriptor);
  std::string content(descriptor.size.bytes(), '\0');
  content.resize(read_full(*source, std::as_writable_bytes(std::span(content))));
  std::byte more[1];
  if (source->read(more) != 0) {
    throw Error(Errc::data_corruption, blob_path(descriptor.digest).string() + ": longer than " +
                                           std::to_string(descriptor.size.bytes()) + " bytes");
  }
  return content;
}

bool ImageStore::verify_blob(const Descriptor& descriptor, const CallOptions& options) const {
  if (!has_blob(descriptor)) return false;
  try {
    const auto source = open_blob(descriptor);
    std::vector<std::byte> buffer(hash_read_size);
    do {
      options.check("verify " + descriptor.digest.to_string());
    } while (source->read(buffer) != 0);
    return true;
  } catch (const Error& error) {
    if (error.code() == Errc::data_corruption || error.code() == Errc::not_found) return false;
    throw;
  }
}

Descriptor ImageStore::put_blob(std::string media_type, std::string_view content,
                                const CallOptions& options) {
  Descriptor descriptor{std::move(media_type), digest_of(content), ByteSize(content.size())};
  if (const auto ingest = Ingest::begin(*this, descriptor, Ingest::Existing::keep, options)) {
    ingest->restart();
    ingest->write(std::as_bytes(std::span(content)));
    ingest->commit();
    os::sync_directory(blob_path(descriptor.digest).parent_path());
  }
  return descriptor;
}

}  // namespace vmkit::oci
