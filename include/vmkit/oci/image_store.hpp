// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/image.hpp>

namespace vmkit::oci {

/// One name in a store.
struct ImageRecord {
  std::string name;     ///< A full reference, or whatever another tool wrote; may be empty.
  Descriptor manifest;  ///< Or, from another tool, an index.
  /// What the name led to in the registry: the digest of the index that the manifest was chosen
  /// from, or the manifest's own. Missing for what another tool wrote.
  std::optional<Digest> source = {};
};

class IndexCache;

/// Images on disk, as an OCI image layout that other tools can read at any time: docs/formats/store
/// describes it. Every change is atomic: whatever fails or is killed, a name leads to a complete
/// image or is not there.
///
/// Thread-safe, and any number of ImageStore objects and processes may use the same folder. A copy
/// is the same store, and shares with the original what was read of index.json; it is read again
/// when anybody has changed it.
///
/// What lies in the folder is not trusted: links in it are not followed (failed_precondition for
/// one in the place of a folder when the store is opened, data_corruption for one in the place of a
/// blob), and all documents are read within limits.
class ImageStore {
 public:
  /// Opens the store in `root`, made if there is none, and clears away what killed processes left.
  /// Partial downloads younger than a day stay, to be resumed. Throws failed_precondition if there
  /// is a folder with something else in it.
  static ImageStore open(const std::filesystem::path& root, const CallOptions& options = {});

  const std::filesystem::path& root() const noexcept { return root_; }

  /// All names, in the order of the index; reads no blob. Entries of index.json that are not
  /// understood stay there and are left out here: verify() tells them.
  std::vector<ImageRecord> list() const;

  /// The record of a name; nullopt if there is none. A reference with a digest also finds what was
  /// stored under a tag of the same repository.
  std::optional<ImageRecord> find(const Reference& reference) const;

  /// The record that a person means by `text`: a name as list() gives it, a reference that
  /// Reference::parse reads, a manifest's digest, or at least four of its first hex digits, with
  /// or without "sha256:", that no other image has. The first that fits, in this order; nullopt if
  /// there is none. Throws invalid_argument, naming the candidates, if several images have these
  /// digits.
  std::optional<ImageRecord> find(std::string_view text) const;

  /// The image of a name. A reference with a digest also finds the image that was stored under a
  /// tag of the same repository. Of an index that another tool stored, the manifest for `platform`
  /// is taken. nullopt if there is no such name (or no such platform); data_corruption or not_found
  /// if there is one but its manifest or configuration is not what it should be.
  std::optional<Image> resolve(const Reference& reference,
                               const Platform& platform = Platform::host()) const;

  /// The same for what find(text) finds. The image's reference is its name where that is one;
  /// otherwise, for what another tool wrote, "localhost/unnamed" with the digest.
  std::optional<Image> resolve(std::string_view text,
                               const Platform& platform = Platform::host()) const;

  /// Reads the documents of an image that has no name (yet). All its blobs must be in the store:
  /// not_found.
  Image load(const Reference& reference, const Descriptor& manifest) const;

  /// Makes the name lead to `manifest`, instead of anything it led to before; all blobs must be
  /// in the store. Durable when it returns. `source`: see ImageRecord.
  Image tag(const Reference& reference, const Descriptor& manifest,
            const std::optional<Digest>& source = std::nullopt, const CallOptions& options = {});

  /// Gives what is named `from` the name `to` instead, whatever it is. Durable when it returns.
  /// Throws not_found if there is no `from`, already_exists if there is a `to`.
  void rename(const Reference& from, const Reference& to, const CallOptions& options = {});

  /// Removes the name; false if there is none. Its blobs stay, as others may share them, until
  /// collect_garbage() finds that nobody does.
  bool remove(const Reference& reference, const CallOptions& options = {});

  /// The same for what list() or find() gave: also for names that are no references, or empty.
  /// Removes the entries that have this name and this manifest.
  bool remove(const ImageRecord& record, const CallOptions& options = {});

  /// Whether a blob of this digest and size is there. Reads nothing.
  bool has_blob(const Descriptor& descriptor) const;

  /// The bytes of a blob; not_found if it is not there. The last read (the one that returns 0)
  /// throws data_corruption if size or digest were not the descriptor's.
  std::unique_ptr<Source> open_blob(const Descriptor& descriptor) const;

  /// A whole blob of at most `limit`, verified.
  std::string read_blob(const Descriptor& descriptor, ByteSize limit = longest_document) const;

  /// Hashes a blob anew; false if it is missing or not what it should be.
  bool verify_blob(const Descriptor& descriptor, const CallOptions& options = {}) const;

  /// Adds a blob from memory, durably; nothing happens if it is there. Until an image that needs
  /// it is tagged only a Lease that has its digest keeps it from collect_garbage().
  Descriptor put_blob(std::string media_type, std::string_view content,
                      const CallOptions& options = {});

  /// Where the blob of this digest is or would be. Never write there.
  std::filesystem::path blob_path(const Digest& digest) const;

 private:
  explicit ImageStore(std::filesystem::path root);

  std::filesystem::path root_;
  std::shared_ptr<IndexCache> index_;
};

}  // namespace vmkit::oci
