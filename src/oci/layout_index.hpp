// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// The index.json of a store. Entries and fields that we do not know are kept as they are: other
/// tools may have written them.
class LayoutIndex {
 public:
  /// A new, empty one.
  LayoutIndex();
  /// Throws data_corruption; not_found if there is none.
  static LayoutIndex read(const std::filesystem::path& store_root);

  std::vector<ImageRecord> records() const;
  /// Replaces all entries of this name.
  void put(const ImageRecord& record);
  /// False if there was none.
  bool erase(const std::string& name);

  std::string to_string() const { return document_.dump(); }
  void write(const std::filesystem::path& store_root) const;

 private:
  nlohmann::json document_;
};

}  // namespace vmkit::oci
