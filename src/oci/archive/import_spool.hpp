// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>

#include "os/exclusive_file.hpp"

#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// One import's place in the store's ingest/: the lock file import-RANDOM, and import-RANDOM-N for
/// what came in. The lock ends with the process however it ends, so that leftovers show at once.
/// Confined.
class ImportSpool {
 public:
  explicit ImportSpool(const ImageStore& store);
  ~ImportSpool();
  ImportSpool(const ImportSpool&) = delete;
  ImportSpool& operator=(const ImportSpool&) = delete;

  /// For a new file, which its maker removes.
  std::filesystem::path next_path();

 private:
  std::filesystem::path prefix_;
  os::ExclusiveFile lock_;
  std::size_t files_ = 0;
};

/// Removes what imports left whose process is gone.
void remove_abandoned_imports(const std::filesystem::path& store_root);

}  // namespace vmkit::oci
