// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "oci/document/json.hpp"
#include "support/errors.hpp"

#include <vmkit/oci/image_config.hpp>
#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/media_type.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using vmkit::test::check_error;

namespace {

const std::string digest_a = "sha256:" + std::string(64, 'a');
const std::string digest_b = "sha256:" + std::string(64, 'b');

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

const std::string manifest_json = R"({
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
             "digest": ")" + digest_a +
                                  R"(", "size": 1234},
  "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
              "digest": ")" + digest_b +
                                  R"(", "size": 9223372036854775807,
              "annotations": {"k": "v"}}],
  "annotations": {"a": "b"}
})";

const std::string index_json = R"({
  "schemaVersion": 2,
  "manifests": [
    {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": ")" +
                               digest_a + R"(",
     "size": 1, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
    {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": ")" +
                               digest_b + R"(",
     "size": 2, "platform": {}, "artifactType": "x/y"}]
})";

const std::string config_json = R"({
  "created": "2024-05-06T07:08:09Z", "author": "me", "architecture": "aarch64", "os": "linux",
  "config": {"User": "1000:100", "Env": ["A=1", "B=x y"], "Entrypoint": ["/entry"],
             "Cmd": ["-c", "true"], "WorkingDir": "/w", "StopSignal": "SIGQUIT",
             "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {"/data": {}},
             "Labels": {"l": "m"}, "OnBuild": null, "Healthcheck": {"Test": ["NONE"]}},
  "rootfs": {"type": "layers", "diff_ids": [")" +
                                digest_a + R"("]},
  "history": [{"created": "2024-05-06T07:08:09Z", "created_by": "RUN x", "empty_layer": true},
              {"comment": "c"}]
})";

}  // namespace

TEST_CASE("manifest: what it says") {
  const Manifest manifest = Manifest::parse(manifest_json, "manifest");
  CHECK(manifest.media_type == media_type::oci_manifest);
  CHECK(manifest.config.digest.to_string() == digest_a);
  CHECK(manifest.config.size == ByteSize(1234));
  REQUIRE(manifest.layers.size() == 1);
  CHECK(manifest.layers[0].size.bytes() == (std::uint64_t{1} << 63) - 1);
  CHECK(manifest.layers[0].annotations.at("k") == "v");
  CHECK(manifest.annotations.at("a") == "b");

  const Index index = Index::parse(index_json, "index");
  REQUIRE(index.manifests.size() == 2);
  CHECK(index.manifests[0].platform == Platform{"linux", "arm64"});
  CHECK_FALSE(index.manifests[1].platform);
  CHECK(index.manifests[1].artifact_type == "x/y");
}

TEST_CASE("manifest: Docker's types, by the document or by the sender") {
  const std::string docker = replaced(manifest_json, "vnd.oci.image.manifest.v1+json",
                                      "vnd.docker.distribution.manifest.v2+json");
  CHECK(Manifest::parse(docker, "m").media_type == media_type::docker_manifest);
  CHECK(document_type(docker, "m") == media_type::docker_manifest);
  CHECK(document_type(index_json, "i") == media_type::oci_index);
  CHECK(Index::parse(index_json, "i", media_type::docker_index).media_type ==
        media_type::docker_index);
  check_error(Errc::data_corruption, {"m: mediaType", "oci.image.manifest", "docker"},
              [&] { Manifest::parse(docker, "m", media_type::oci_manifest); });
  check_error(Errc::unsupported, {"schema 1"},
              [] { document_type(R"({"schemaVersion":1,"fsLayers":[]})", "m"); });
  check_error(Errc::data_corruption, {"neither"},
              [] { document_type(R"({"schemaVersion":2})", "m"); });
}

TEST_CASE("manifest: hostile documents are refused, naming the field") {
  struct Case {
    const char* from;
    const char* to;
    std::initializer_list<std::string_view> words;
  };
  const std::string long_type(300, 'x');
  const Case cases[] = {
      {"\"size\": 1234", "\"size\": -1", {"config.size", "2^63-1", "-1"}},
      {"\"size\": 1234", "\"size\": 9223372036854775808", {"config.size", "9223372036854775808"}},
      {"\"size\": 1234", "\"size\": 1.5", {"config.size", "1.5"}},
      {"\"size\": 1234", "\"size\": \"1\"", {"config.size", "string"}},
      {"\"size\": 1234", "\"size\": 1e400", {"not valid JSON"}},
      {"\"size\": 1234", "\"size\": null", {"config.size", "nothing"}},
      {"\"size\": 1234", "\"size\": 1, \"size\": 2", {"duplicate", "size"}},
      {"\"schemaVersion\": 2", "\"schemaVersion\": 3", {"schemaVersion", "expected 2, found 3"}},
      {"\"schemaVersion\": 2", "\"schemaVersion\": \"2\"", {"schemaVersion", "string"}},
      {"\"layers\": [", "\"layers\": [7, ", {"layers[0]", "object", "number"}},
      {"\"layers\": [", "\"layers\": [null, ", {"layers[0]", "null"}},
      {"\"layers\"", "\"Layers\"", {"layers", "nothing"}},
      {"\"layers\"", "\"manifests\": [], \"layers\"", {"manifests", "in one document"}},
      {"\"annotations\": {\"k\": \"v\"}",
       "\"annotations\": {\"k\": 1}",
       {"layers[0].annotations", "k", "string"}},
      {"sha256:aaaa", "sha256:../..", {"config.digest", "sha256"}},
      {"sha256:aaaa", "md5:aaaa", {"config.digest"}},
      {"vnd.oci.image.config.v1+json", "vnd\\u0000x", {"config.mediaType", "NUL"}},
      {"{\"a\": \"b\"}", "{\"a\\u0000\": \"b\"}", {"annotations", "NUL"}},
      {"vnd.oci.image.config.v1+json", "x\\u001b[2J", {"config.mediaType", "visible", "?[2J"}},
      {"vnd.oci.image.config.v1+json", long_type.c_str(), {"config.mediaType", "visible"}},
      {"\"annotations\": {\"a\"", "\"annotations\": {\"a", {"not valid JSON"}},
      {"\"k\": \"v\"", "\"k\": \"\xff\"", {"not valid JSON"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.to);
    const std::string json = replaced(manifest_json, one.from, one.to);
    check_error(Errc::data_corruption, one.words, [&] { Manifest::parse(json, "the manifest"); });
  }
  for (const char* json : {"", "null", "[]", "\"x\"", "{", "{}x", "<html></html>"}) {
    CAPTURE(json);
    check_error(Errc::data_corruption, {"the manifest"},
                [&] { Manifest::parse(json, "the manifest"); });
  }
}

TEST_CASE("manifest: size, depth, number of values and of layers are bounded") {
  const std::string open = R"({"schemaVersion":2,"x":)";
  check_error(Errc::data_corruption, {"nested deeper"},
              [&] { Manifest::parse(open + std::string(1'000'000, '['), "m"); });
  check_error(Errc::data_corruption, {"4 MiB"},
              [&] { Manifest::parse(open + std::string(5'000'000, ' ') + "1}", "m"); });
  std::string many = open + "[";
  for (int i = 0; i < 200'000; ++i) many += "[],";
  check_error(Errc::data_corruption, {"values"}, [&] { Manifest::parse(many + "1]}", "m"); });

  const std::string layer = R"({"mediaType":"t","digest":")" + digest_a + R"(","size":0})";
  std::string layers;
  for (int i = 0; i < 1025; ++i) layers += layer + ",";
  check_error(Errc::data_corruption, {"layers", "1024", "1026"}, [&] {
    Manifest::parse(
        R"({"schemaVersion":2,"config":)" + layer + R"(,"layers":[)" + layers + layer + "]}", "m");
  });
}

TEST_CASE("config: what it says") {
  const ImageConfig config = ImageConfig::parse(config_json, "config");
  CHECK(config.platform == Platform{"linux", "arm64"});
  CHECK(config.created == "2024-05-06T07:08:09Z");
  CHECK(config.author == "me");
  CHECK(config.user == "1000:100");
  CHECK(config.env == std::vector<std::string>{"A=1", "B=x y"});
  CHECK(config.entrypoint == std::vector<std::string>{"/entry"});
  CHECK(config.cmd == std::vector<std::string>{"-c", "true"});
  CHECK(config.working_dir == "/w");
  CHECK(config.stop_signal == "SIGQUIT");
  CHECK(config.exposed_ports == std::vector<std::string>{"53/udp", "80/tcp"});
  CHECK(config.volumes == std::vector<std::string>{"/data"});
  CHECK(config.labels.at("l") == "m");
  REQUIRE(config.diff_ids.size() == 1);
  REQUIRE(config.history.size() == 2);
  CHECK(config.history[0].empty_layer);
  CHECK(config.history[0].created_by == "RUN x");
  CHECK(config.history[1].comment == "c");
}

TEST_CASE("config: what Docker writes differently") {
  const ImageConfig nulls = ImageConfig::parse(
      replaced(replaced(config_json, R"(["/entry"])", "null"), R"(["-c", "true"])", R"("one")"),
      "config");
  CHECK(nulls.entrypoint.empty());
  CHECK(nulls.cmd == std::vector<std::string>{"one"});
  CHECK(ImageConfig::parse(R"({"rootfs":{"type":"layers","diff_ids":null}})", "config")
            .platform.architecture.empty());
}

TEST_CASE("config: how to check the health, as Docker writes it") {
  const auto parse = [](const std::string& check) {
    return ImageConfig::parse(R"({"config":{"Healthcheck":)" + check +
                                  R"(},"rootfs":{"type":"layers","diff_ids":[]}})",
                              "config")
        .healthcheck;
  };
  using namespace std::chrono_literals;
  const auto full = parse(R"({"Test":["CMD-SHELL","curl -f localhost || exit 1"],
      "Interval":30000000000,"Timeout":3000000000,"StartPeriod":5000000000,
      "StartInterval":1000000000,"Retries":4})");
  REQUIRE(full);
  CHECK(*full == Healthcheck{{"CMD-SHELL", "curl -f localhost || exit 1"}, 30s, 3s, 5s, 1s, 4});
  CHECK(parse(R"({"Test":["CMD","/check","-x"]})")->test.size() == 3);
  CHECK(parse(R"({"Test":["NONE"]})")->test == std::vector<std::string>{"NONE"});
  CHECK_FALSE(parse("null"));
  CHECK_FALSE(parse("{}"));
  for (const char* bad : {R"({"Test":["RUN"]})", R"({"Test":["CMD"]})", R"({"Test":"true"})",
                          R"({"Test":["CMD-SHELL"]})", R"({"Test":["NONE"],"Interval":-1})",
                          R"({"Test":["NONE"],"Retries":"x"})"}) {
    CAPTURE(bad);
    check_error(Errc::data_corruption, {"config.Healthcheck"}, [&] { parse(bad); });
  }
}

TEST_CASE("config: hostile ones are refused, naming the field") {
  struct Case {
    const char* from;
    const char* to;
    std::initializer_list<std::string_view> words;
  };
  const Case cases[] = {
      {"\"A=1\"", "7", {"config.Env[0]", "string", "number"}},
      {"\"A=1\"", "\"A\\u0000\"", {"config.Env[0]", "NUL"}},
      {"[\"/entry\"]", "{}", {"config.Entrypoint", "array", "object"}},
      {"\"User\": \"1000:100\"", "\"User\": 1000", {"config.User", "string", "number"}},
      {"{\"80/tcp\"", "{\"a\\u0000\": {}, \"80/tcp\"", {"config.ExposedPorts", "NUL"}},
      {"{\"l\": \"m\"}", "{\"l\\u0000\": \"m\"}", {"config.Labels", "NUL"}},
      {"\"layers\"", "\"other\"", {"rootfs.type"}},
      {"\"rootfs\"", "\"rootfz\"", {"rootfs", "nothing"}},
      {"[\"sha256:aaa", "[\"sha256:zzz", {"rootfs.diff_ids[0]", "digest"}},
      {"\"empty_layer\": true", "\"empty_layer\": 1", {"history[0].empty_layer", "number"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.to);
    const std::string json = replaced(config_json, one.from, one.to);
    check_error(Errc::data_corruption, one.words, [&] { ImageConfig::parse(json, "the config"); });
  }
}

TEST_CASE("media types: layers") {
  CHECK(layer_compression(media_type::oci_layer) == LayerCompression::none);
  CHECK(layer_compression(media_type::docker_layer_gzip) == LayerCompression::gzip);
  CHECK(layer_compression(media_type::oci_layer_zstd) == LayerCompression::zstd);
  CHECK(layer_compression("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip") ==
        LayerCompression::gzip);
  CHECK_FALSE(layer_compression("application/vnd.oci.image.layer.v1.tar+xz"));
  CHECK_FALSE(layer_compression(""));
}
