// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "support/errors.hpp"
#include "support/fault_registry.hpp"
#include "support/test_image.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/pull.hpp>

namespace vmkit::test {

inline std::size_t file_count(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

/// A misbehaving registry with one image, a client that does not wait long, and an empty store.
struct FaultFixture {
  TestImage image = TestImage::make("amd64", {noise_layer(300'000, 1), noise_layer(2'000'000, 2)});
  FaultRegistry registry;
  os::TemporaryDirectory folder{std::filesystem::temp_directory_path(), "vmkit-oci"};
  oci::ImageStore store = oci::ImageStore::open(folder.path() / "store");
  oci::PullOptions amd64{.platform = {"linux", "amd64"}};

  FaultFixture() { registry.add_image("1", image); }

  oci::Reference reference(const std::string& tag = "1") const {
    return oci::Reference::parse(registry.address() + "/team/app:" + tag);
  }

  static oci::RegistryClientOptions fast() {
    oci::RegistryClientOptions options;
    options.defaults.plain_http = true;
    options.retry.attempts = 3;
    options.retry.first_pause = std::chrono::milliseconds(2);
    options.stall_timeout = std::chrono::milliseconds(400);
    return options;
  }

  oci::Image pull(const oci::RegistryClientOptions& options = fast(),
                  const CallOptions& call = {}) {
    oci::RegistryClient client(options);
    return oci::pull(client, store, reference(), amd64, call);
  }

  /// Nothing of a failed pull has a name; with `no_partials` nothing waits to be resumed either.
  void check_nothing_visible(bool no_partials = true) const {
    CHECK(store.list().empty());
    CHECK_FALSE(store.resolve(reference()));
    if (no_partials) CHECK(file_count(store.root() / "ingest") == 0);
  }

  void check_complete() const {
    const auto found = store.resolve(reference(), {"linux", "amd64"});
    REQUIRE(found);
    CHECK(found->descriptor.digest == image.manifest.digest());
    for (const auto& layer : found->manifest.layers) CHECK(store.verify_blob(layer));
    CHECK(file_count(store.root() / "ingest") == 0);
  }
};

}  // namespace vmkit::test
