// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>

namespace vmkit::container {

/// Of a volume that is made without one; its file takes only what is used.
inline constexpr ByteSize default_volume_size = 16_GiB;

/// A volume of a folder of volumes.
struct VolumeInfo {
  std::string name;
  ByteSize size;       ///< What a container sees.
  ByteSize disk_used;  ///< What it takes on the host.
  bool in_use = false;
};

/// Volumes: folders that outlive the containers that mount them. Each is an ext4 image with a
/// journal, NAME.ext4, whose content is its folder "data"; NAME.lock beside it tells who uses it,
/// and stays. Any number of objects and processes may use one folder. Thread-compatible.
///
/// A name is 1 to 64 of letters, digits, '.', '_' and '-', the first a letter or digit; anything
/// else is invalid_argument. Errors besides: io errors by errno.
class Volumes {
 public:
  /// The folder is made when the first volume is.
  explicit Volumes(std::filesystem::path folder);

  const std::filesystem::path& folder() const noexcept { return folder_; }

  /// A new, empty volume; whole or not there. Throws already_exists.
  VolumeInfo create(const std::string& name, ByteSize size = default_volume_size,
                    const CallOptions& options = {});

  /// All, by name. Files that are no volumes are left out.
  std::vector<VolumeInfo> list() const;
  std::optional<VolumeInfo> find(const std::string& name) const;

  /// Removes a volume with all that is in it. Throws not_found, failed_precondition while a
  /// container has it.
  void remove(const std::string& name);

  /// Where the image is, whether it exists or not.
  std::filesystem::path image(const std::string& name) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace vmkit::container
