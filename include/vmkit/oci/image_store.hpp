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

/// Images on disk, as an OCI image layout that other tools can read at any time: docs/formats/store
/// describes it. Thread-safe, and any number of ImageStore objects and processes may use the same
/// folder. Every change is atomic: whatever fails or is killed, a name leads to a complete image or
/// is not there.
class ImageStore {
 public:
  /// Opens the store in `root`, made if there is none, and clears away what killed processes left.
  /// Partial downloads younger than a day stay, to be resumed. Throws failed_precondition if there
  /// is a folder with something else in it.
  static ImageStore open(const std::filesystem::path& root, const CallOptions& options = {});

  const std::filesystem::path& root() const noexcept { return root_; }

  /// All names, in the order of the index; reads no blob.
  std::vector<ImageRecord> list() const;

  /// The record of a name; nullopt if there is none.
  std::optional<ImageRecord> find(const Reference& reference) const;

  /// The image of a name. A reference with a digest also finds the image that was stored under a
  /// tag of the same repository. Of an index that another tool stored, the manifest for `platform`
  /// is taken. nullopt if there is no such name (or no such platform); data_corruption or not_found
  /// if there is one but its manifest or configuration is not what it should be.
  std::optional<Image> resolve(const Reference& reference,
                               const Platform& platform = Platform::host()) const;

  /// Reads the documents of an image that has no name (yet). All its blobs must be in the store:
  /// not_found.
  Image load(const Reference& reference, const Descriptor& manifest) const;

  /// Makes the name lead to `manifest`, instead of anything it led to before; all blobs must be
  /// in the store. Durable when it returns. `source`: see ImageRecord.
  Image tag(const Reference& reference, const Descriptor& manifest,
            const std::optional<Digest>& source = std::nullopt, const CallOptions& options = {});

  /// Removes the name; false if there is none. Its blobs stay: others may share them.
  bool remove(const Reference& reference, const CallOptions& options = {});

  /// Whether a blob of this digest and size is there. Reads nothing.
  bool has_blob(const Descriptor& descriptor) const;

  /// The bytes of a blob; not_found if it is not there. The last read (the one that returns 0)
  /// throws data_corruption if size or digest were not the descriptor's.
  std::unique_ptr<Source> open_blob(const Descriptor& descriptor) const;

  /// A whole blob of at most `limit`, verified.
  std::string read_blob(const Descriptor& descriptor, ByteSize limit = longest_document) const;

  /// Hashes a blob anew; false if it is missing or not what it should be.
  bool verify_blob(const Descriptor& descriptor, const CallOptions& options = {}) const;

  /// Adds a blob from memory, durably; nothing happens if it is there.
  Descriptor put_blob(std::string media_type, std::string_view content,
                      const CallOptions& options = {});

  /// Where the blob of this digest is or would be. Never write there.
  std::filesystem::path blob_path(const Digest& digest) const;

 private:
  explicit ImageStore(std::filesystem::path root) : root_(std::move(root)) {}

  std::filesystem::path root_;
};

}  // namespace vmkit::oci
