// SPDX-License-Identifier: Apache-2.0
#include "support/demo.hpp"

#include <doctest/doctest.h>

#include "support/programs.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/pull.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace vmkit::test {
namespace {

const std::filesystem::path build_folder = VMKIT_TEST_BUILD_FOLDER;

std::filesystem::path required(const std::filesystem::path& path, const std::string& made_by) {
  if (!std::filesystem::exists(path)) FAIL("missing: ", path.string(), "; made by ", made_by);
  return path;
}

container::Kernel fetched_kernel(const std::string& name, const std::string& command) {
  const auto folder = build_folder / "kernel" / name;
  return {.image = required(folder / "vmlinuz", command + ", which scripts/test runs"),
          // modules/RELEASE
          .modules = std::filesystem::directory_iterator(folder / "modules")->path()};
}

/// As Debian names it.
std::string host_debian_architecture() {
  return host_architecture() == Architecture::arm64 ? "arm64" : "amd64";
}

}  // namespace

container::Kernel kernel_for(const std::string& architecture) {
  return fetched_kernel(architecture,
                        "scripts/fetch-kernel --arch " + architecture + " build/kernel");
}

container::Kernel demo_kernel() {
  return kernel_for(host_debian_architecture());
}

container::Kernel generic_kernel() {
  return fetched_kernel(host_debian_architecture() + "-generic",
                        "scripts/fetch-kernel --generic build/kernel");
}

container::Kernel own_kernel() {
  return {.image = required(
              build_folder / "kernel-own" / std::string(to_string(host_architecture())) / "vmlinuz",
              "scripts/build-kernel, which scripts/test-kernel runs")};
}

std::filesystem::path demo_layout() {
  return required(build_folder / "demo" / "image",
                  "scripts/make-demo-image build/demo/image, which scripts/test runs");
}

Demo& Demo::get() {
  static Demo demo;
  return demo;
}

Demo::Demo()
    : folder_(temporary_directory()),
      reference_(registry_.address() + "/debian:demo"),
      client_({.defaults = {.plain_http = true}}),
      backend_(vm::make_qemu_backend({.runtime_directory = folder_.path()})) {
  run_program({"skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false",
               "oci:" + demo_layout().string() + ":demo", "docker://" + reference_});
  store_.emplace(oci::ImageStore::open(folder_.path() / "store"));
  image_ = oci::pull(client_, *store_, oci::Reference::parse(reference_));
}

container::ContainerOptions Demo::container_options() {
  return {.image = *image_,
          .store = *store_,
          .folder = folder_.path() / "containers" / os::random_name(),
          .backend = backend_,
          .kernel = demo_kernel()};
}

}  // namespace vmkit::test
