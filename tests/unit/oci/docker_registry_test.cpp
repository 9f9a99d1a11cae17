// SPDX-License-Identifier: Apache-2.0
#include "support/docker_registry.hpp"

#include <doctest/doctest.h>
#include <map>
#include <nlohmann/json.hpp>

#include "os/directory.hpp"
#include "support/programs.hpp"
#include "support/test_image.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/pull.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

constexpr auto tools = {"docker-registry", "skopeo", "umoci", "tar", "gzip", "zstd"};

os::TemporaryDirectory temporary() {
  return os::TemporaryDirectory(std::filesystem::temp_directory_path(), "vmkit-oci");
}

RegistryClientOptions plain_http() {
  RegistryClientOptions options;
  options.defaults.plain_http = true;
  return options;
}

const PullOptions amd64{.platform = {"linux", "amd64"}};

/// Two layers with different packing, pushed as `name`.
TestImage push_image(const DockerRegistry& registry, const std::string& name,
                     const std::vector<std::string>& skopeo_options = {"--dest-tls-verify=false"}) {
  std::string first;
  std::string second;
  std::vector<TestBlob> layers = {tar_layer("hello", "hello\n", "gzip", first),
                                  tar_layer("big", noise(3'000'000, 1), "zstd", second)};
  const TestImage image =
      TestImage::make("amd64", std::move(layers), {digest_of(first), digest_of(second)});
  const auto folder = temporary();
  write_layout(folder.path(), image.blobs(), image.manifest, "image");
  std::vector<std::string> command = {"skopeo", "copy", "--quiet", "--preserve-digests"};
  command.insert(command.end(), skopeo_options.begin(), skopeo_options.end());
  command.push_back("oci:" + folder.path().string() + ":image");
  command.push_back("docker://" + registry.address() + "/" + name);
  run_program(command);
  return image;
}

}  // namespace

TEST_CASE("docker-registry: pull by tag and by digest, and other tools read the store") {
  if (!has_programs(tools)) return;
  const DockerRegistry registry;
  const TestImage pushed = push_image(registry, "team/hello:1");
  const auto folder = temporary();
  RegistryClient client(plain_http());
  ImageStore store = ImageStore::open(folder.path() / "store");

  const auto reference = Reference::parse(registry.address() + "/team/hello:1");
  const Image image = pull(client, store, reference, amd64);
  CHECK(image.descriptor.digest == pushed.manifest.digest());
  CHECK(image.config.cmd == std::vector<std::string>{"/bin/sh"});
  REQUIRE(layers(image).size() == 2);
  CHECK(layers(image)[0].compression == LayerCompression::gzip);
  CHECK(layers(image)[1].compression == LayerCompression::zstd);
  for (const Layer& layer : layers(image)) CHECK(store.verify_blob(layer.descriptor));

  const std::string name = folder.path().string() + "/store:" + reference.to_string();
  const auto inspected = nlohmann::json::parse(run_program({"skopeo", "inspect", "oci:" + name}));
  CHECK(inspected["Digest"] == pushed.manifest.digest().to_string());
  CHECK(inspected["Layers"].size() == 2);
  run_program({"umoci", "stat", "--json", "--image", name});
  CHECK(run_program({"umoci", "ls", "--layout", (folder.path() / "store").string()}) ==
        reference.to_string() + "\n");

  const auto by_digest =
      Reference::parse(registry.address() + "/team/hello").with_digest(pushed.manifest.digest());
  CHECK(pull(client, store, by_digest, amd64).descriptor.digest == pushed.manifest.digest());
}
