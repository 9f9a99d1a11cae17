// SPDX-License-Identifier: Apache-2.0
#include "store_fixture.hpp"

#include <vmkit/oci/maintenance.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

const Platform amd64{"linux", "amd64"};

std::string entry(const std::string& hex, const std::string& name) {
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:)" + hex +
         R"(","size":7,"annotations":{"io.containerd.image.name":")" + name + "\"}}";
}

std::string hex64(const std::string& begin) {
  return begin + std::string(64 - begin.size(), '0');
}

}  // namespace

TEST_CASE_FIXTURE(StoreFixture, "names: what a person may type") {
  tag("app:1");
  const std::string hex = image.manifest.digest().hex();
  for (const std::string& text :
       {std::string("docker.io/library/app:1"), std::string("app:1"), "sha256:" + hex, hex,
        hex.substr(0, 4), hex.substr(0, 12), "sha256:" + hex.substr(0, 4), "app@sha256:" + hex}) {
    CAPTURE(text);
    const auto found = store.find(text);
    REQUIRE(found);
    CHECK(found->name == "docker.io/library/app:1");
    CHECK(store.resolve(text, amd64)->reference == Reference::parse("app:1"));
  }
  const std::string other = hex[0] == 'a' ? "b" : "a";
  for (const std::string& text :
       {std::string(), std::string("app"), std::string("app:2"), hex.substr(0, 3),
        "sha512:" + hex.substr(0, 8), other + hex.substr(1), hex + "0", std::string("\n"),
        std::string("../../index.json")}) {
    CAPTURE(text);
    CHECK_FALSE(store.find(text));
    CHECK_FALSE(store.resolve(text, amd64));
  }
}

TEST_CASE_FIXTURE(StoreFixture, "names: digits that several images have name the candidates") {
  write_index(entry(hex64("abcd1"), "r.io/a:1") + "," + entry(hex64("abcd2"), "r.io/b:1") + "," +
              entry(hex64("abcd2"), "r.io/c:1") + "," + entry(hex64("ef"), "abcd"));
  CHECK(store.find("abcd1")->name == "r.io/a:1");
  CHECK(store.find("abcd2")->name == "r.io/b:1");  // one image with two names
  CHECK(store.find("abcd")->name == "abcd");       // a name counts before digits
  check_error(Errc::invalid_argument,
              {"sha256:abcd", "more than one", "abcd10", "r.io/a:1", "abcd20", "r.io/b:1"},
              [&] { store.find("sha256:abcd"); });

  std::string many;
  for (const char digit : std::string("0123456789")) {
    many += (many.empty() ? "" : ",") + entry(hex64(std::string("1234") + digit), "");
  }
  write_index(many);
  check_error(Errc::invalid_argument, {"12344", "…"}, [&] { store.find("1234"); });
}

TEST_CASE_FIXTURE(StoreFixture, "names: what other tools wrote is found, resolved and removed") {
  put(image);
  write_index(image.manifest.descriptor() + "," + named(image.manifest, "latest"));
  const auto records = store.list();
  REQUIRE(records.size() == 2);
  CHECK(records[0].name.empty());
  const auto latest = store.resolve("latest", amd64);
  REQUIRE(latest);
  CHECK(latest->reference.to_string() ==
        "localhost/unnamed@" + image.manifest.digest().to_string());
  CHECK(store.remove(records[0]));
  CHECK_FALSE(store.remove(records[0]));
  CHECK(store.list().size() == 1);
  ImageRecord wrong = records[1];
  wrong.manifest.digest = image.config.digest();
  CHECK_FALSE(store.remove(wrong));
  CHECK(store.remove(*store.find("latest")));
  CHECK(store.list().empty());
}

TEST_CASE_FIXTURE(StoreFixture, "names: rename keeps everything but the name") {
  tag("r.io/app:1");
  tag("r.io/app:2");
  const auto before = *store.find("r.io/app:1");
  std::string index = read_index();
  index.insert(index.find("\"digest\""), R"("x-unknown":[1,2],)");
  os::write_file_atomically(root / "index.json", index);

  const auto one = Reference::parse("r.io/app:1");
  store.rename(one, Reference::parse("[::1]:5000/new:1"));
  CHECK_FALSE(store.find(one));
  const auto after = store.find("[::1]:5000/new:1");
  REQUIRE(after);
  CHECK(after->manifest.digest == before.manifest.digest);
  CHECK(after->source == before.source);
  CHECK(read_index().find(R"("x-unknown":[1,2])") != std::string::npos);
  // ref.name cannot hold brackets, and must not keep the old name.
  CHECK(read_index().find("app:1") == std::string::npos);
  store.rename(Reference::parse("[::1]:5000/new:1"), Reference::parse("r.io/back:1"));
  CHECK(read_index().find(R"("org.opencontainers.image.ref.name":"r.io/back:1")") !=
        std::string::npos);

  check_error(Errc::not_found, {"r.io/app:1"},
              [&] { store.rename(one, Reference::parse("r.io/x:1")); });
  const auto two = Reference::parse("r.io/app:2");
  check_error(Errc::already_exists, {"r.io/back:1", "remove"},
              [&] { store.rename(two, Reference::parse("r.io/back:1")); });
  CHECK_NOTHROW(store.rename(two, two));
  CHECK(store.list().size() == 2);
}

TEST_CASE_FIXTURE(StoreFixture, "names: odd entries stay, are told, and harm nobody") {
  put(image);
  const TestImage kept = TestImage::make("arm64", {noise_layer(10, 2)});
  put(kept);
  const std::string odd_size =
      R"({"mediaType":5,"size":-1,"digest":")" + kept.manifest.digest().to_string() + "\"}";
  const std::vector<std::string> odd = {
      "7",
      "null",
      "[]",
      "\"x\"",
      "{}",
      R"({"digest":"sha256:../../x"})",
      odd_size,
      image.manifest.descriptor(R"(,"annotations":[])"),
      R"({"annotations":{"io.containerd.image.name":"r.io/odd:1"}})"};
  std::string entries = named(image.manifest, "r.io/good:1");
  for (const std::string& one : odd) entries += "," + one;
  write_index(entries);

  REQUIRE(store.list().size() == 1);
  CHECK(store.resolve("r.io/good:1", amd64));
  tag("r.io/app:1");
  CHECK(store.list().size() == 2);
  const VerifyReport report = verify(store);
  CHECK_FALSE(report.clean());
  CHECK(report.bad.empty());
  REQUIRE(report.odd_entries.size() == odd.size());
  CHECK(report.odd_entries[0].position == 1);
  CHECK(report.odd_entries[0].problem.find("expected an object, found number") !=
        std::string::npos);
  CHECK(report.odd_entries.back().name == "r.io/odd:1");

  // What they mention is not garbage.
  CHECK(collect_garbage(store).blobs.empty());
  CHECK(has(kept.layers[0]));
  CHECK(store.remove(Reference::parse("r.io/odd:1")));
  CHECK(verify(store).odd_entries.size() == odd.size() - 1);
}

TEST_CASE_FIXTURE(StoreFixture, "names: an index is never written that could not be read again") {
  put(image);
  std::string entries = "{}";
  for (int i = 1; i < 50'000; ++i) entries += ",{}";
  write_index(entries);
  const std::string before = read_index();
  check_error(Errc::resource_exhausted, {"index.json", "50000 entries"}, [&] { tag("r.io/a:1"); });
  CHECK(read_index() == before);
  write_index(entries + ",{}");
  check_error(Errc::data_corruption, {"index.json", "50000", "50001"}, [&] { store.list(); });
}
