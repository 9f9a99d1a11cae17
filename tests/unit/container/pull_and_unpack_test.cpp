// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "support/errors.hpp"
#include "support/fault_registry.hpp"
#include "support/test_image.hpp"

#include <vmkit/container/disk_cache.hpp>
#include <vmkit/container/image_layers.hpp>
#include <vmkit/container/pull_and_unpack.hpp>

using namespace vmkit;
using namespace vmkit::test;

namespace {

struct Fixture {
  std::string tars[2];
  std::vector<TestBlob> layers{tar_layer("hello", noise(3'000'000, 1), "gzip", tars[0]),
                               tar_layer("again", noise(900'000, 2), "zstd", tars[1])};
  TestImage image = TestImage::make("amd64", layers, {digest_of(tars[0]), digest_of(tars[1])});
  FaultRegistry registry;
  os::TemporaryDirectory folder{std::filesystem::temp_directory_path(), "vmkit-pull"};
  oci::ImageStore store = oci::ImageStore::open(folder.path() / "store");
  oci::RegistryClient client{{.defaults = {.plain_http = true}, .retry = {.attempts = 1}}};
  oci::Reference reference = oci::Reference::parse(registry.address() + "/team/app:1");
  oci::PullOptions amd64{.platform = {"linux", "amd64"}};

  Fixture() { registry.add_image("1", image); }

  std::size_t disks() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(store.root() / "rootfs")) {
      if (entry.path().extension() == ".ext4") ++count;
    }
    return count;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "pull and unpack: the same image and disk as one after the other") {
  std::set<std::string> phases;
  const auto result = container::pull_and_unpack(
      client, store, reference, amd64, 64_MiB, false,
      {.progress = [&](const Progress& progress) { phases.emplace(progress.phase); }});
  CHECK(phases == std::set<std::string>{"pull", "unpack"});
  CHECK(result.image.descriptor.digest == image.manifest.digest());
  REQUIRE(result.disk.unpacked);
  CHECK(store.find(reference));

  const auto other = folder.path() / "other.ext4";
  rootfs::unpack(container::image_layers(result.image, store), other, {.size = 64_MiB});
  CHECK(os::read_file(other, 64_MiB) == os::read_file(result.disk.path, 64_MiB));

  registry.forget_requests();
  const auto again = container::pull_and_unpack(client, store, reference, amd64, 64_MiB);
  CHECK(registry.requests().size() == 1);
  CHECK_FALSE(again.disk.unpacked);
  CHECK(again.disk.path == result.disk.path);
}

TEST_CASE_FIXTURE(Fixture, "pull and unpack: a failure of either leaves no name and no disk") {
  // The unpack fails while the second layer is still held back.
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    FaultResponse response = registry.honest(request);
    if (request.target.find(layers[1].digest().hex()) == std::string::npos) return std::nullopt;
    response.stall_after = 100'000;
    return response;
  });
  check_error(Errc::resource_exhausted, {"too small"},
              [&] { container::pull_and_unpack(client, store, reference, amd64, 2_MiB); });
  CHECK(store.list().empty());
  CHECK(disks() == 0);

  // The registry sends what is no layer.
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    FaultResponse response = registry.honest(request);
    if (request.is_blob() && !response.body.empty()) response.body.back() ^= 1;
    return response;
  });
  check_error(Errc::data_corruption, {"digest"},
              [&] { container::pull_and_unpack(client, store, reference, amd64, 64_MiB); });
  CHECK(store.list().empty());
  CHECK(disks() == 0);
}

TEST_CASE_FIXTURE(Fixture, "pull and unpack: what it consumes is its own") {
  amd64.consume = [](const oci::Image&, oci::ArrivingLayers&) {};
  check_error(Errc::invalid_argument, {"consume"},
              [&] { container::pull_and_unpack(client, store, reference, amd64); });
  CHECK(registry.requests().empty());
}

TEST_CASE_FIXTURE(Fixture, "disk cache: disks of no image go, those of images stay") {
  container::pull_and_unpack(client, store, reference, amd64, 64_MiB);
  const auto cache = container::disk_cache(store);
  CHECK(cache.prune({.unwanted = container::of_no_image(store)}).removed.empty());
  CHECK(disks() == 1);
  store.remove(reference);
  CHECK(cache.prune({.unwanted = container::of_no_image(store)}).removed.size() == 1);
  CHECK(disks() == 0);
}
