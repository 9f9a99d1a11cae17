// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "os/file.hpp"

#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/maintenance.hpp>

namespace vmkit::oci {

/// The entries of an index.json: those that are understood, and where they stand, and the others.
struct IndexEntries {
  std::vector<ImageRecord> records;
  std::vector<std::size_t> positions;  ///< Of each record, in the array "manifests".
  std::vector<OddEntry> odd;
};

struct IndexText {
  std::string content;
  os::FileStatus status;  ///< From before it was read.
};

/// Throws not_found; data_corruption for what is no regular file or too long.
IndexText read_index_text(const std::filesystem::path& path);

/// The index.json of a store. Entries and fields that we do not know are kept as they are: other
/// tools may have written them.
class LayoutIndex {
 public:
  /// A new, empty one.
  LayoutIndex();
  /// Throws data_corruption; not_found if there is none.
  static LayoutIndex read(const std::filesystem::path& store_root);
  static LayoutIndex parse(const std::string& text, const std::filesystem::path& path);

  IndexEntries entries() const;
  /// Replaces all entries of this name.
  void put(const ImageRecord& record);
  /// Adds an entry without a name.
  void add_unnamed(const Descriptor& manifest);
  /// False if there was none.
  bool erase(const std::string& name);
  bool erase(const ImageRecord& record);
  bool has(const std::string& name) const;
  /// Gives the entries named `from` another name; all else in them stays.
  void rename(const std::string& from, const std::string& to);

  std::string to_string() const { return document_.dump(); }

  /// All of it, for those who look for mentions of blobs.
  const nlohmann::json& document() const noexcept { return document_; }

  /// Replaces the file. Throws resource_exhausted if it would be more than read() takes.
  void write(const std::filesystem::path& store_root) const;

 private:
  nlohmann::json document_;
};

}  // namespace vmkit::oci
