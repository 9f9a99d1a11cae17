// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmkit/base/digest.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::test {

/// A blob and how it is pointed to.
struct TestBlob {
  std::string media_type;
  std::string content;

  Digest digest() const { return digest_of(content); }
  /// As JSON; `more` is put in before the closing brace: ",\"platform\":{…}".
  std::string descriptor(const std::string& more = {}) const;
};

/// An image made by hand.
struct TestImage {
  std::vector<TestBlob> layers;
  TestBlob config;
  TestBlob manifest;

  /// An OCI image for linux/`architecture`. Each layer's diff ID is given, or is its own digest.
  static TestImage make(const std::string& architecture, std::vector<TestBlob> layers,
                        std::vector<Digest> diff_ids = {});
  /// The same image in Docker's media types.
  TestImage as_docker() const;
  std::vector<TestBlob> blobs() const;
};

/// Takes what is in `root`, as root's and executable, into the store: an image of one layer for
/// linux/`architecture`. A layout is left beside `root`.
oci::Image import_folder(const std::filesystem::path& root, oci::ImageStore& store,
                         const std::string& architecture);

/// An index of images for these architectures, "arm64" or "arm/v7".
TestBlob make_index(const std::vector<std::pair<std::string, TestImage>>& images);

/// Bytes that do not compress, the same for the same seed.
std::string noise(std::size_t size, unsigned seed);

/// A layer blob of noise.
TestBlob noise_layer(std::size_t size, unsigned seed);

/// A tar with one file, packed by "gzip" or "zstd" (programs); `tar` gets the tar itself.
TestBlob tar_layer(const std::string& name, const std::string& content, const std::string& packer,
                   std::string& tar);

/// Writes an image layout in which `top` has the name `tag`.
void write_layout(const std::filesystem::path& folder, const std::vector<TestBlob>& blobs,
                  const TestBlob& top, const std::string& tag);

}  // namespace vmkit::test
