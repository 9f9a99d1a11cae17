// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/archive/archive_names.hpp"
#include "oci/archive/spooled_archive.hpp"

#include <vmkit/oci/image_config.hpp>

// What `docker save` writes and `docker load` reads: docs/formats/archives.md.
namespace vmkit::oci {

/// One entry of a docker-archive's manifest.json: names of files in the archive.
struct DockerArchiveImage {
  std::string config;
  std::vector<std::string> tags;
  std::vector<std::string> layers;
};

/// Throws data_corruption; `what` names the document.
std::vector<DockerArchiveImage> parse_docker_manifest(std::string_view json, std::string_view what);
std::string to_docker_manifest(const std::vector<DockerArchiveImage>& images);

/// The OCI manifest of an image that had none: the same bytes for the same configuration and
/// layers.
std::string make_manifest(const Descriptor& config, const std::vector<Descriptor>& layers);

/// The images of a docker-archive that was read. Confined.
class DockerArchive {
 public:
  /// All must outlive it. `limit`: of a layer's content.
  DockerArchive(SpooledArchive& files, std::string archive, ByteSize limit,
                const CallOptions& options)
      : files_(files), archive_(std::move(archive)), limit_(limit), options_(options) {}

  /// The wanted images, every file of them verified.
  std::vector<FoundImage> find(ArchiveNames& names, const Platform& platform);

  /// Adds all blobs of one of these, its manifest included.
  void add_blobs(const Digest& manifest, std::set<Digest>& blobs) const;
  /// Puts them into the store, which must have a lease of them.
  void store(const Digest& manifest, ImageStore& store);

 private:
  struct Config {
    std::vector<Digest> diff_ids;
    Platform platform;
  };
  struct Made {
    std::string manifest;
    std::vector<SpooledFile*> files;
  };

  const Config& config_of(const std::string& name, SpooledFile& file);
  Descriptor layer_of(const std::string& name, const Digest& diff_id);
  void verify_diff_id(const std::string& name, SpooledFile& file, const Digest& diff_id);

  SpooledArchive& files_;
  std::string archive_;
  ByteSize limit_;
  const CallOptions& options_;
  std::map<const SpooledFile*, Config> configs_;
  std::map<const SpooledFile*, Digest> verified_;  // diff IDs
  std::map<Digest, Made> made_;                    // by manifest
};

}  // namespace vmkit::oci
