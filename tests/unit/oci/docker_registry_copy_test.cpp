// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <set>

#include "docker_registry_fixture.hpp"

#include <vmkit/oci/copy.hpp>
#include <vmkit/oci/push.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

constexpr auto tools = {"docker-registry", "skopeo"};

/// Two registries; the first has an index for two platforms as "app:1".
struct TwoRegistries : DockerRegistryFixture {
  DockerRegistry other;
  TestImage amd = TestImage::make("amd64", {noise_layer(2'500'000, 11), noise_layer(1000, 12)});
  TestImage arm = TestImage::make("arm64", {noise_layer(2'500'000, 13), noise_layer(1000, 12)});
  TestBlob index = make_index({{"amd64", amd}, {"arm64/v8", arm}});

  TwoRegistries() {
    for (const TestImage* one : {&amd, &arm}) {
      const auto local = Reference::parse("local/one:1");
      put_image(store, local, *one);
      push(client, store, local, at("app").with_digest(one->manifest.digest()));
    }
    client.push_manifest(at("app:1"), index.media_type, index.content);
  }

  Reference at_other(const std::string& where) const {
    return Reference::parse(other.address() + '/' + where, {.tag = ""});
  }
};

}  // namespace

TEST_CASE("docker-registry: copy of all platforms to another registry") {
  if (!has_programs(tools)) return;
  TwoRegistries with;
  std::set<std::string> subjects;
  const CallOptions call{.progress = [&](const Progress& progress) {
    CHECK(progress.phase == "copy");
    subjects.insert(std::string(progress.subject));
  }};
  CopyOptions options;
  SUBCASE("in one request each") {}
  SUBCASE("in pieces, from one to the other") {
    options.chunk_size = ByteSize(700'000);
  }
  RegistryClient to(plain_http());
  const auto target = with.at_other("copied/app:1");
  const Descriptor copied = copy(with.client, with.at("app:1"), to, target, options, call);
  CHECK(copied.digest == with.index.digest());
  CHECK(to.fetch_manifest(target).content == with.index.content);
  CHECK(subjects.size() == 3);
  run_program({"skopeo", "copy", "--quiet", "--all", "--preserve-digests", "--src-tls-verify=false",
               "docker://" + target.to_string(),
               "oci:" + (with.folder.path() / "copy").string() + ":copy"});
}

TEST_CASE("docker-registry: copy of one platform, and of none that there is") {
  if (!has_programs(tools)) return;
  TwoRegistries with;
  const auto target = with.at_other("arm:1");
  const Descriptor copied = copy(with.client, with.at("app:1"), with.client, target,
                                 {.platform = Platform::parse("linux/arm64")});
  CHECK(copied.digest == with.arm.manifest.digest());
  CHECK(with.client.fetch_manifest(target).content == with.arm.manifest.content);
  CHECK_FALSE(with.client.has_blob(target, descriptor_of(with.amd.layers[0])));
  check_error(Errc::unsupported, {"linux/riscv64", "linux/amd64, linux/arm64", "copy to"}, [&] {
    copy(with.client, with.at("app:1"), with.client, with.at_other("none:1"),
         {.platform = Platform::parse("linux/riscv64")});
  });
  check_error(Errc::not_found, {"app:none", "check registry"}, [&] {
    copy(with.client, with.at("app:none"), with.client, with.at_other("none:1"));
  });
}

TEST_CASE("docker-registry: copy within one registry mounts") {
  if (!has_programs(tools)) return;
  TwoRegistries with;
  const auto target = with.at("elsewhere/app:2");
  CHECK(copy(with.client, with.at("app:1"), with.client, target).digest == with.index.digest());
  CHECK(with.client.fetch_manifest(target).content == with.index.content);
}
