// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "oci/archive/import_spool.hpp"
#include "oci/document/json.hpp"
#include "oci/document/platform_choice.hpp"
#include "oci/store/image_blobs.hpp"
#include "oci/store/index_cache.hpp"
#include "oci/store/ingest.hpp"
#include "oci/store/layout_index.hpp"
#include "oci/store/lease_files.hpp"
#include "oci/store/store_files.hpp"
#include "oci/store/store_layout.hpp"
#include "oci/store/store_locks.hpp"
#include "os/atomic_file.hpp"
#include "os/directory.hpp"

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
        name != layout::leases && name != layout::index &&
        name.find(".tmp-") == std::string::npos) {
      stranger = name;
    }
  }
  if (problem) throw Error::from_errno(problem.value(), "read folder " + root.string());
  // Read after the folder: a store has its marker as soon as it has anything else.
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(marker, ignored))) {
    check_marker(marker, os::read_file(open_store_file(marker), ByteSize(4096)));
  } else if (stranger) {
    throw Error(Errc::failed_precondition,
                root.string() + ": expected an image store or an empty folder, found " + *stranger);
  }
}

}  // namespace

ImageStore::ImageStore(std::filesystem::path root)
    : root_(std::move(root)), index_(std::make_shared<IndexCache>(root_)) {}

ImageStore ImageStore::open(const std::filesystem::path& root, const CallOptions& options) {
  os::create_directories(root);
  const auto marker = root / layout::marker;
  refuse_foreign_folder(root);
  const auto lock = lock_index(root, options);
  os::AtomicFile::remove_abandoned(root);
  for (const auto& folder : {root / layout::blobs, root / layout::blobs / "sha256",
                             root / layout::ingest, root / layout::leases}) {
    make_store_folder(folder);
  }
  const auto is_there = [](const std::filesystem::path& path) {
    std::error_code ignored;  // what cannot be looked at cannot be written either
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
  };
  if (!is_there(root / layout::index)) LayoutIndex().write(root);
  // Last: with the marker in place everything else is.
  if (!is_there(marker)) os::write_file_atomically(marker, layout::marker_content);
  remove_stale_ingests(root);
  remove_abandoned_imports(root);
  remove_dead_leases(root);
  return ImageStore(root);
}

Image ImageStore::load(const Reference& reference, const Descriptor& descriptor) const {
  const std::string context = "image " + reference.to_string();
  try {
    Manifest manifest = Manifest::parse(
        read_blob(descriptor), "manifest " + descriptor.digest.to_string(), descriptor.media_type);
    check_is_image(manifest);
    for (const Descriptor& blob : contents_of(manifest)) {
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

std::filesystem::path ImageStore::blob_path(const Digest& digest) const {
  return root_ / layout::blobs / to_string(digest.algorithm()) / digest.hex();
}

bool ImageStore::has_blob(const Descriptor& descriptor) const {
  const auto status = os::regular_file_status(blob_path(descriptor.digest));
  return status && status->size == descriptor.size.bytes();
}

std::unique_ptr<Source> ImageStore::open_blob(const Descriptor& descriptor) const {
  return std::make_unique<BlobSource>(open_store_file(blob_path(descriptor.digest)), descriptor);
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
