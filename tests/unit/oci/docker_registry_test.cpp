// SPDX-License-Identifier: Apache-2.0
#include "support/docker_registry.hpp"

#include <doctest/doctest.h>
#include <map>
#include <nlohmann/json.hpp>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "support/errors.hpp"
#include "support/fault_registry.hpp"
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

TEST_CASE("docker-registry: a password: none, bad, good") {
  if (!has_programs(tools) || !has_programs({"htpasswd"})) return;
  const DockerRegistry registry({.username = "user", .password = "s3cret"});
  const TestImage pushed = push_image(registry, "private/app:1",
                                      {"--dest-tls-verify=false", "--dest-creds", "user:s3cret"});
  const auto reference = Reference::parse(registry.address() + "/private/app:1");
  const auto folder = temporary();
  ImageStore store = ImageStore::open(folder.path() / "store");
  const auto pull_with = [&](std::map<std::string, Credential> credentials) {
    auto options = plain_http();
    options.credentials = std::make_shared<GivenCredentials>(std::move(credentials));
    RegistryClient client(options);
    return pull(client, store, reference, amd64);
  };
  check_error(Errc::unauthenticated, {"none were given", registry.address().c_str()},
              [&] { pull_with({}); });
  check_error(Errc::unauthenticated, {"were refused", "401"}, [&] {
    pull_with({{registry.address(), {"user", "wrong"}}});
  });
  CHECK(store.list().empty());
  CHECK(pull_with({{registry.address(), {"user", "s3cret"}}}).descriptor.digest ==
        pushed.manifest.digest());
}

TEST_CASE("docker-registry: TLS by a CA of one's own, and by nobody known") {
  if (!has_programs(tools) || !has_programs({"openssl"})) return;
  const DockerRegistry registry({.tls = true});
  const TestImage pushed = push_image(registry, "app:1");
  const auto reference = Reference::parse(registry.address() + "/app:1");
  const auto folder = temporary();
  ImageStore store = ImageStore::open(folder.path() / "store");
  RegistryClient trusting_system;
  check_error(Errc::unavailable, {registry.address().c_str(), "certificate", "ca_file"},
              [&] { pull(trusting_system, store, reference, amd64); });
  RegistryClientOptions options;
  options.hosts[registry.address()].ca_file = registry.ca_file();
  RegistryClient client(options);
  CHECK(pull(client, store, reference, amd64).descriptor.digest == pushed.manifest.digest());
}

TEST_CASE("docker-registry: blobs on another host, and never from https to http") {
  if (!has_programs(tools) || !has_programs({"openssl"})) return;
  const TestImage image = TestImage::make("amd64", {noise_layer(1000, 1)});
  FaultRegistry elsewhere;
  // The registry redirects to the file in its storage: …/blobs/sha256/ab/abc…/data.
  elsewhere.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    for (const TestBlob& blob : image.blobs()) {
      if (request.target.find(blob.digest().hex() + "/data") == std::string::npos) continue;
      return FaultResponse{.body = blob.content};
    }
    return std::nullopt;
  });
  const auto folder = temporary();
  write_layout(folder.path() / "layout", image.blobs(), image.manifest, "image");
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    elsewhere.forget_requests();
    const DockerRegistry registry(
        {.tls = tls, .redirect_blobs_to = "http://" + elsewhere.address() + "/"});
    const auto reference = Reference::parse(registry.address() + "/app:1");
    run_program({"skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false",
                 "oci:" + (folder.path() / "layout").string() + ":image",
                 "docker://" + reference.to_string()});
    ImageStore store = ImageStore::open(folder.path() / (tls ? "tls" : "plain"));
    elsewhere.forget_requests();
    RegistryClientOptions options;
    options.defaults.plain_http = !tls;
    if (tls) options.defaults.ca_file = registry.ca_file();
    RegistryClient client(options);
    if (!tls) {
      CHECK(pull(client, store, reference, amd64).descriptor.digest == image.manifest.digest());
      CHECK(elsewhere.requests().size() == 2);
      continue;
    }
    check_error(Errc::permission_denied, {"https to plain http", "127.0.0.1", "not followed"},
                [&] { pull(client, store, reference, amd64); });
    CHECK(elsewhere.requests().empty());
    CHECK(store.list().empty());
  }
}

TEST_CASE("docker-registry: of several platforms the right one; no such platform, image, host") {
  if (!has_programs(tools)) return;
  const DockerRegistry registry;
  const TestImage amd = TestImage::make("amd64", {noise_layer(1000, 1)});
  const TestImage arm = TestImage::make("arm64", {noise_layer(1000, 2)});
  const TestBlob index = make_index({{"amd64", amd}, {"arm64/v8", arm}});
  const auto folder = temporary();
  auto blobs = amd.blobs();
  for (const TestBlob& blob : arm.blobs()) blobs.push_back(blob);
  write_layout(folder.path() / "layout", blobs, index, "image");
  run_program({"skopeo", "copy", "--quiet", "--all", "--preserve-digests",
               "--dest-tls-verify=false", "oci:" + (folder.path() / "layout").string() + ":image",
               "docker://" + registry.address() + "/app:1"});

  RegistryClient client(plain_http());
  ImageStore store = ImageStore::open(folder.path() / "store");
  const auto reference = Reference::parse(registry.address() + "/app:1");
  const PullOptions wanted{.platform = Platform::parse("linux/arm64")};
  CHECK(pull(client, store, reference, wanted).descriptor.digest == arm.manifest.digest());
  CHECK_FALSE(std::filesystem::exists(store.blob_path(amd.manifest.digest())));
  // The layout is complete: another tool can copy all of it.
  run_program({"skopeo", "copy", "--quiet", "--all",
               "oci:" + store.root().string() + ":" + reference.to_string(),
               "oci:" + (folder.path() / "copy").string() + ":copy"});

  check_error(Errc::unsupported, {"linux/riscv64", "linux/amd64, linux/arm64"}, [&] {
    pull(client, store, reference, {.platform = Platform::parse("linux/riscv64")});
  });
  check_error(Errc::not_found, {"check registry, repository and tag"}, [&] {
    pull(client, store, Reference::parse(registry.address() + "/app:2"), wanted);
  });
  check_error(Errc::not_found, {"/none:1"}, [&] {
    pull(client, store, Reference::parse(registry.address() + "/none:1"), wanted);
  });
}

TEST_CASE("docker-registry: an interrupted pull is resumed by range") {
  if (!has_programs(tools)) return;
  const DockerRegistry registry;
  const TestImage pushed = push_image(registry, "app:1");
  const auto reference = Reference::parse(registry.address() + "/app:1");
  const auto folder = temporary();
  ImageStore store = ImageStore::open(folder.path() / "store");
  const TestBlob& layer = pushed.layers[1];
  os::write_file_atomically(store.root() / "ingest" / ("sha256-" + layer.digest().hex()),
                            layer.content.substr(0, 1'000'000));
  RegistryClient client(plain_http());
  std::uint64_t first = 0;
  const CallOptions call{.progress = [&](const Progress& progress) {
    if (progress.subject != layer.digest().to_string() || progress.done == 0) return;
    if (first == 0) first = progress.done;
  }};
  pull(client, store, reference, amd64, call);
  CHECK(first > 1'000'000);
  const Descriptor descriptor{layer.media_type, layer.digest(), ByteSize(layer.content.size())};
  CHECK(store.verify_blob(descriptor));
}

TEST_CASE("docker-registry: umoci unpacks what was pulled") {
  if (!has_programs(tools)) return;
  const DockerRegistry registry;
  std::string tar;
  // umoci 0.4 does not read zstd.
  const TestImage gzip_only = [&] {
    std::vector<TestBlob> layers = {tar_layer("hello", "hello\n", "gzip", tar)};
    return TestImage::make("amd64", std::move(layers), {digest_of(tar)});
  }();
  const auto folder = temporary();
  write_layout(folder.path() / "layout", gzip_only.blobs(), gzip_only.manifest, "image");
  run_program({"umoci", "ls", "--layout", (folder.path() / "layout").string()});
  run_program({"skopeo", "copy", "--quiet", "--dest-tls-verify=false",
               "oci:" + (folder.path() / "layout").string() + ":image",
               "docker://" + registry.address() + "/gzip:1"});
  RegistryClient client(plain_http());
  ImageStore store = ImageStore::open(folder.path() / "store");
  const auto reference = Reference::parse(registry.address() + "/gzip:1");
  pull(client, store, reference, amd64);
  run_program({"umoci", "raw", "unpack", "--rootless", "--image",
               store.root().string() + ":" + reference.to_string(),
               (folder.path() / "rootfs").string()});
  CHECK(os::read_file(folder.path() / "rootfs/hello", 1_KiB) == "hello\n");
}
