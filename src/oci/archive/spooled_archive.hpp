// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "oci/archive/archive_blobs.hpp"
#include "oci/archive/spooled_file.hpp"

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/lease.hpp>

namespace vmkit::oci {

/// A tar of images that was read once from a stream: its files, by normalised names, in the store's
/// ingest/ until it is known which of them are needed. All of it is hostile. Confined.
class SpooledArchive final : public ArchiveBlobs {
 public:
  /// `archive` names it in errors. Store and options must outlive this.
  SpooledArchive(ImageStore& store, std::string archive, const CallOptions& options)
      : store_(store),
        archive_(std::move(archive)),
        options_(options),
        lease_(Lease::begin(store, options)),
        spool_(store) {}

  /// Reads the tar to its end. `is_needed` is asked before a file's data are read: what is not
  /// needed is skipped. `arrived` is called when a file is complete.
  void read(Source& tar, const std::function<bool(const std::string& name)>& is_needed,
            const std::function<void(const std::string& name)>& arrived);

  bool has(const std::string& name) const;
  /// Follows links inside of the archive. Throws data_corruption if there is no such file.
  SpooledFile& file(const std::string& name);
  /// The whole of a small one.
  std::string text(const std::string& name);

  // As a layout:
  bool has(const Digest& digest) const;
  void check(const Descriptor& blob) override;
  std::string read(const Descriptor& blob) override;
  void store(const Descriptor& blob) override;

  /// "ARCHIVE: entry "NAME"".
  std::string entry_text(std::string_view name) const;

 private:
  struct Entry {
    archive::EntryType type;
    std::string link = {};  // normalised
    std::unique_ptr<SpooledFile> file = {};
  };

  std::string normalised(std::string_view name) const;
  std::string target_of(std::string_view link, std::string_view folder,
                        std::string_view shown_as) const;
  void take(archive::TarReader& reader, const archive::TarEntry& entry,
            const std::function<bool(const std::string& name)>& is_needed,
            const std::function<void(const std::string& name)>& arrived);
  std::unique_ptr<SpooledFile> find_in_store(const Digest& digest, ByteSize size);
  std::unique_ptr<SpooledFile> spool(archive::TarReader& reader, const archive::TarEntry& entry,
                                     const std::string& name);
  [[noreturn]] void fail(std::string_view name, const std::string& problem) const;

  ImageStore& store_;
  std::string archive_;
  const CallOptions& options_;
  Lease lease_;        // of what need not be written
  ImportSpool spool_;  // outlives the entries' files
  std::map<std::string, Entry, std::less<>> entries_;
};

/// "blobs/sha256/HEX", where a layout has the blob.
std::string blob_name(const Digest& digest);
/// The other way; nullopt for any other name.
std::optional<Digest> digest_of_blob_name(std::string_view name);

/// All that `source` gives; more than longest_document is an error: data_corruption, naming `what`.
std::string read_document(Source& source, std::string_view what);

}  // namespace vmkit::oci
