// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "oci/archive/archive_blobs.hpp"
#include "oci/archive/import_spool.hpp"
#include "os/folder.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// A foreign image layout in a folder: hostile, links in it are not followed. Confined.
class LayoutFolder final : public ArchiveBlobs {
 public:
  /// Store and options must outlive it.
  LayoutFolder(const std::filesystem::path& path, ImageStore& store, const CallOptions& options)
      : folder_(os::Folder::open(path)), store_(store), options_(options), spool_(store) {}

  /// A small file at the top of the layout; nullopt if there is none.
  std::optional<std::string> text(std::string_view name) const;

  void check(const Descriptor& blob) override;
  std::string read(const Descriptor& blob) override;
  void store(const Descriptor& blob) override;

 private:
  os::File open(const Descriptor& blob) const;

  os::Folder folder_;
  ImageStore& store_;
  const CallOptions& options_;
  ImportSpool spool_;
};

}  // namespace vmkit::oci
