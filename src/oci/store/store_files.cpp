// SPDX-License-Identifier: Apache-2.0
#include "oci/store/store_files.hpp"

#include <algorithm>
#include <string>

#include "oci/store/store_layout.hpp"
#include "os/directory.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {

void make_store_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto type = std::filesystem::symlink_status(path, ignored).type();
  if (type == std::filesystem::file_type::directory) return;
  if (type == std::filesystem::file_type::not_found) {
    os::create_directories(path);
    return;
  }
  throw Error(Errc::failed_precondition,
              path.string() + ": expected a folder, found " +
                  (type == std::filesystem::file_type::symlink ? "a symlink" : "something else"));
}

os::File open_store_file(const std::filesystem::path& path) {
  try {
    return os::File::open(path, os::File::Mode::read, 0, false);
  } catch (const Error& error) {
    if (error.code() != Errc::invalid_argument) throw;
    throw Error(Errc::data_corruption, error.what());
  }
}

void remove_store_file(const std::filesystem::path& path) {
  std::error_code problem;
  std::filesystem::remove(path, problem);
  if (problem) throw Error::from_errno(problem.value(), "remove " + path.string());
}

std::vector<StoredBlob> stored_blobs(const std::filesystem::path& store_root) {
  std::vector<StoredBlob> result;
  for (const auto algorithm : {DigestAlgorithm::sha256, DigestAlgorithm::sha512}) {
    const auto folder = store_root / layout::blobs / to_string(algorithm);
    std::error_code problem;
    if (!std::filesystem::is_directory(std::filesystem::symlink_status(folder, problem))) continue;
    std::filesystem::directory_iterator at(folder, problem);
    for (const std::filesystem::directory_iterator end; !problem && at != end;
         at.increment(problem)) {
      auto digest = Digest::try_parse(std::string(to_string(algorithm)) + ':' +
                                      at->path().filename().string());
      if (!digest) continue;
      result.push_back({*std::move(digest), at->path(), os::regular_file_status(at->path())});
    }
    if (problem) throw Error::from_errno(problem.value(), "read folder " + folder.string());
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.digest < b.digest; });
  return result;
}

bool has_digest(const os::File& file, const Digest& digest, ProgressMeter& meter,
                const CallOptions& options) {
  constexpr std::size_t read_size = 256 * 1024;
  Hasher hasher(digest.algorithm());
  std::vector<std::byte> buffer(read_size);
  for (std::uint64_t offset = 0;;) {
    options.check("hash " + digest.to_string());
    const std::size_t count = file.read_at(offset, buffer);
    if (count == 0) return hasher.finish() == digest;
    hasher.update(std::span(buffer).first(count));
    offset += count;
    meter.add(count);
  }
}

}  // namespace vmkit::oci
