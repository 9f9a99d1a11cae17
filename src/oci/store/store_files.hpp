// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "os/file.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/base/progress.hpp>

// The files of a store, whoever put them there: links are not followed.
namespace vmkit::oci {

/// Makes a folder if there is none. Throws failed_precondition where something else, a link to a
/// folder too, is in its place.
void make_store_folder(const std::filesystem::path& path);

/// Opens a file for reading. Throws not_found; data_corruption where something else than a regular
/// file is in its place.
os::File open_store_file(const std::filesystem::path& path);

/// Nothing happens if there is none.
void remove_store_file(const std::filesystem::path& path);

struct StoredBlob {
  Digest digest;  ///< As its name says.
  std::filesystem::path path;
  std::optional<os::FileStatus> status;  ///< nullopt: no regular file.
};

/// What has the name of a blob, by digest. Other names are not ours and left out.
std::vector<StoredBlob> stored_blobs(const std::filesystem::path& store_root);

/// Whether the content of `file` has this digest; adds to `meter` what has been read.
bool has_digest(const os::File& file, const Digest& digest, ProgressMeter& meter,
                const CallOptions& options);

}  // namespace vmkit::oci
