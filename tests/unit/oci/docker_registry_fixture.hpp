// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>

#include "os/directory.hpp"
#include "support/docker_registry.hpp"
#include "support/errors.hpp"
#include "support/programs.hpp"
#include "support/test_image.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::test {

inline oci::RegistryClientOptions plain_http() {
  oci::RegistryClientOptions options;
  options.defaults.plain_http = true;
  return options;
}

/// Puts an image into a store, under the name `name`.
inline void put_image(oci::ImageStore& store, const oci::Reference& name, const TestImage& image) {
  for (const TestBlob& blob : image.blobs()) store.put_blob(blob.media_type, blob.content);
  const TestBlob& manifest = image.manifest;
  store.tag(name, store.put_blob(manifest.media_type, manifest.content));
}

inline oci::Descriptor descriptor_of(const TestBlob& blob) {
  return {blob.media_type, blob.digest(), ByteSize(blob.content.size())};
}

/// A real registry, a client for it, and a store with one image of two layers.
struct DockerRegistryFixture {
  explicit DockerRegistryFixture(const DockerRegistry::Options& options = {})
      : registry(options), client(plain_http()) {
    put_image(store, name, image);
  }

  oci::Reference at(const std::string& name_and_tag) const {
    return oci::Reference::parse(registry.address() + '/' + name_and_tag, {.tag = ""});
  }

  DockerRegistry registry;
  oci::RegistryClient client;
  os::TemporaryDirectory folder{std::filesystem::temp_directory_path(), "vmkit-oci"};
  oci::ImageStore store = oci::ImageStore::open(folder.path() / "store");
  TestImage image = TestImage::make("amd64", {noise_layer(300'000, 1), noise_layer(3'000'000, 2)});
  oci::Reference name = oci::Reference::parse("local/app:1");
};

}  // namespace vmkit::test
