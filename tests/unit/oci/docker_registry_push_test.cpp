// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>
#include <map>

#include "docker_registry_fixture.hpp"
#include "os/file.hpp"
#include "support/memory_source.hpp"

#include <vmkit/oci/copy.hpp>
#include <vmkit/oci/push.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

constexpr auto tools = {"docker-registry", "skopeo"};

BlobOpener opener_of(const TestBlob& blob) {
  return [&blob](std::uint64_t offset) {
    return std::make_unique<MemorySource>(blob.content.substr(offset));
  };
}

/// What skopeo says of the manifest, byte for byte.
std::string skopeo_manifest(const Reference& reference) {
  return run_program(
      {"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + reference.to_string()});
}

/// Has skopeo fetch and verify everything of an image.
void check_by_skopeo(const DockerRegistryFixture& fixture, const Reference& reference,
                     const std::string& folder) {
  run_program({"skopeo", "copy", "--quiet", "--all", "--preserve-digests", "--src-tls-verify=false",
               "docker://" + reference.to_string(),
               "oci:" + (fixture.folder.path() / folder).string() + ":copy"});
}

}  // namespace

TEST_CASE("docker-registry: what is pushed skopeo reads, byte for byte") {
  if (!has_programs(tools)) return;
  DockerRegistryFixture with;
  const auto target = with.at("team/app:1");
  std::map<std::string, std::uint64_t> done;
  const CallOptions call{.progress = [&](const Progress& progress) {
    CHECK(progress.phase == "push");
    done[std::string(progress.subject)] = progress.done;
  }};
  PushOptions options;
  SUBCASE("each layer in one request") {}
  SUBCASE("in pieces") {
    options.chunk_size = ByteSize(1'000'000);
  }
  SUBCASE("in pieces that divide a layer") {
    options.chunk_size = ByteSize(100'000);
  }
  const Descriptor pushed = push(with.client, with.store, with.name, target, options, call);
  CHECK(pushed == descriptor_of(with.image.manifest));
  CHECK(skopeo_manifest(target) == with.image.manifest.content);
  check_by_skopeo(with, target, "copy");
  CHECK(done.size() == 2);
  for (const TestBlob& layer : with.image.layers) {
    CHECK(done[layer.digest().to_string()] == layer.content.size());
  }
  CHECK(with.client.has_manifest(target, pushed.digest));
  CHECK_FALSE(with.client.has_manifest(with.at("team/app:2"), pushed.digest));
}

TEST_CASE("docker-registry: by digest alone, and as Docker's image") {
  if (!has_programs(tools)) return;
  DockerRegistryFixture with;
  const TestImage docker = with.image.as_docker();
  const auto name = Reference::parse("local/docker:1");
  put_image(with.store, name, docker);
  const auto target = with.at("team/docker").with_digest(docker.manifest.digest());
  push(with.client, with.store, name, target);
  CHECK(skopeo_manifest(target) == docker.manifest.content);

  check_error(Errc::invalid_argument, {"another digest", docker.manifest.digest().hex()}, [&] {
    push(with.client, with.store, name, with.at("team/docker").with_digest(digest_of("x")));
  });
  check_error(Errc::not_found, {"there is no image docker.io/library/none:1", "push "},
              [&] { push(with.client, with.store, Reference::parse("none:1"), with.at("x:1")); });
}

TEST_CASE("docker-registry: a blob that is there, in another repository, or nowhere") {
  if (!has_programs(tools)) return;
  DockerRegistryFixture with;
  const TestBlob& blob = with.image.layers[1];
  const Descriptor descriptor = descriptor_of(blob);
  const auto one = with.at("one");
  const auto two = with.at("two");
  CHECK_FALSE(with.client.has_blob(one, descriptor));
  CHECK(with.client.push_blob(one, descriptor, opener_of(blob)) == BlobUpload::uploaded);
  CHECK(with.client.has_blob(one, descriptor));
  CHECK(with.client.push_blob(one, descriptor, opener_of(blob)) == BlobUpload::existed);
  const BlobOpener never = [](std::uint64_t) -> std::unique_ptr<Source> {
    FAIL("nothing need be sent");
    return nullptr;
  };
  CHECK(with.client.push_blob(two, descriptor, never, {.mount_from = one}) == BlobUpload::mounted);
  CHECK(with.client.has_blob(two, descriptor));
  // What is not there to be mounted is sent.
  CHECK(with.client.push_blob(with.at("three"), descriptor, opener_of(blob),
                              {.mount_from = with.at("empty")}) == BlobUpload::uploaded);
  const Descriptor lie{descriptor.media_type, descriptor.digest, ByteSize(5)};
  check_error(Errc::data_corruption, {"expected 5 bytes", "has 3000000"},
              [&] { with.client.has_blob(one, lie); });

  const TestBlob empty{"application/octet-stream", ""};
  CHECK(with.client.push_blob(one, descriptor_of(empty), opener_of(empty)) != BlobUpload::mounted);
  std::string sunk;
  struct Collect : Sink {
    std::string text;
    void write(std::span<const std::byte> data) override {
      text.append(reinterpret_cast<const char*>(data.data()), data.size());
    }
  } collected;
  with.client.fetch_blob(two, descriptor, collected);
  CHECK(collected.text == blob.content);
}

TEST_CASE("docker-registry: bytes that are not what the digest says are refused") {
  if (!has_programs(tools)) return;
  DockerRegistryFixture with;
  const TestBlob right = noise_layer(200'000, 7);
  const TestBlob wrong = noise_layer(200'000, 8);
  const auto one = with.at("one");
  check_error(Errc::data_corruption, {"DIGEST_INVALID", right.digest().to_string()},
              [&] { with.client.push_blob(one, descriptor_of(right), opener_of(wrong)); });
  CHECK_FALSE(with.client.has_blob(one, descriptor_of(right)));
  CHECK_FALSE(with.client.has_blob(one, descriptor_of(wrong)));

  // A layer that rotted in the store does not even arrive.
  const auto path = with.store.blob_path(with.image.layers[1].digest());
  os::File::open(path, os::File::Mode::read_write).write_at(1000, std::vector<std::byte>(10));
  check_error(Errc::data_corruption, {"content has the digest", "push "},
              [&] { push(with.client, with.store, with.name, with.at("rotten:1")); });
  CHECK_FALSE(with.client.has_manifest(with.at("rotten:1"), with.image.manifest.digest()));
}

TEST_CASE("docker-registry: tags, catalog, deletion") {
  if (!has_programs(tools)) return;
  DockerRegistryFixture with;
  for (const char* name : {"a/x:1", "a/x:2", "b:latest"}) {
    push(with.client, with.store, with.name, with.at(name));
  }
  auto tags = with.client.list_tags(with.at("a/x"));
  std::sort(tags.begin(), tags.end());
  CHECK(tags == std::vector<std::string>{"1", "2"});
  CHECK(with.client.catalog(with.registry.address()) == std::vector<std::string>{"a/x", "b"});
  check_error(Errc::not_found, {"tags of", "/none", "404"},
              [&] { with.client.list_tags(with.at("none")); });

  // This version of docker-registry deletes no tag alone.
  check_error(Errc::unsupported, {"delete tag", "a/x:1"},
              [&] { with.client.delete_tag(with.at("a/x:1")); });
  const Digest digest = with.image.manifest.digest();
  check_error(Errc::invalid_argument, {"with a digest"},
              [&] { with.client.delete_manifest(with.at("a/x:1")); });
  with.client.delete_manifest(with.at("a/x").with_digest(digest));
  CHECK_FALSE(with.client.has_manifest(with.at("a/x:1"), digest));
  CHECK(with.client.has_manifest(with.at("b:latest"), digest));
  check_error(Errc::not_found, {"delete manifest", digest.hex()},
              [&] { with.client.delete_manifest(with.at("a/x").with_digest(digest)); });
  const Descriptor layer = descriptor_of(with.image.layers[0]);
  with.client.delete_blob(with.at("b"), layer.digest);
  CHECK_FALSE(with.client.has_blob(with.at("b"), layer));
}

namespace {

/// Something that is said about the fixture's image.
Descriptor push_note(DockerRegistryFixture& with, const std::string& type) {
  const TestBlob empty{"application/vnd.oci.empty.v1+json", "{}"};
  with.client.push_blob(with.at("app"), descriptor_of(empty), opener_of(empty));
  const std::string content = R"({"schemaVersion":2,"mediaType":")" +
                              std::string(media_type::oci_manifest) + R"(","artifactType":")" +
                              type + R"(","config":)" + empty.descriptor() + R"(,"layers":[)" +
                              empty.descriptor() + R"(],"subject":)" +
                              with.image.manifest.descriptor() + R"(,"annotations":{"by":"us"}})";
  return with.client.push_manifest(with.at("app").with_digest(digest_of(content)),
                                   std::string(media_type::oci_manifest), content);
}

}  // namespace

TEST_CASE("docker-registry: referrers by the tag that stands in for the call") {
  if (!has_programs(tools)) return;
  DockerRegistryFixture with;
  const auto subject = with.at("app").with_digest(with.image.manifest.digest());
  push(with.client, with.store, with.name, with.at("app:1"));
  CHECK(with.client.referrers(subject).empty());

  // This registry has no call for referrers, so the push keeps the list.
  push_note(with, "application/x-note");
  const Descriptor other = push_note(with, "application/x-other");
  push_note(with, "application/x-other");  // is there already
  const auto found = with.client.referrers(subject);
  REQUIRE(found.size() == 2);
  CHECK(found[0].artifact_type == "application/x-note");
  CHECK(found[0].annotations == std::map<std::string, std::string>{{"by", "us"}});
  CHECK(found[1] ==
        Descriptor{
            other.media_type, other.digest, other.size, {}, "application/x-other", {{"by", "us"}}});
  CHECK(with.client.referrers(subject, "application/x-note").size() == 1);
  CHECK(with.client.referrers(subject, "application/x-more").empty());
}
