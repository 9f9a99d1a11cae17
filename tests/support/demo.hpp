// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "os/directory.hpp"
#include "support/docker_registry.hpp"

#include <vmkit/container/options.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::test {

/// Debian's cloud kernel for "amd64" or "arm64", as scripts/fetch-kernel has put it into the build
/// folder. Fails the test, saying what to run, if it is missing.
container::Kernel kernel_for(const std::string& architecture);
/// The same for this host.
container::Kernel demo_kernel();

/// Debian's kernel for every machine, which has 9p, for this host.
container::Kernel generic_kernel();

/// The small kernel of scripts/build-kernel for this host.
container::Kernel own_kernel();

/// The two-layer Debian image of scripts/make-demo-image: an OCI layout with the tag "demo".
std::filesystem::path demo_layout();

/// The demo image in a real registry on loopback, pulled from there into a store; and a place for
/// containers. Made once for all tests of a program, since a pull and an unpack take a second.
class Demo {
 public:
  /// Fails the test, saying what to run, if kernel or image are missing.
  static Demo& get();

  const std::filesystem::path& folder() const { return folder_.path(); }
  /// "127.0.0.1:PORT/debian:demo".
  const std::string& reference() const { return reference_; }
  const oci::ImageStore& store() const { return *store_; }
  const oci::Image& image() const { return *image_; }
  oci::RegistryClient& client() { return client_; }

  /// Options for a container of the demo image with a folder of its own.
  container::ContainerOptions container_options();

 private:
  Demo();

  os::TemporaryDirectory folder_;
  DockerRegistry registry_;
  std::string reference_;
  oci::RegistryClient client_;
  std::optional<oci::ImageStore> store_;
  std::optional<oci::Image> image_;
  std::shared_ptr<vm::Backend> backend_;
};

}  // namespace vmkit::test
