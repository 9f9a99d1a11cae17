// SPDX-License-Identifier: Apache-2.0
// What may lie in the folder of a store that somebody else has made.
#include <sys/stat.h>

#include "oci/store/ingest.hpp"
#include "store_fixture.hpp"

#include <vmkit/oci/maintenance.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace fs = std::filesystem;

namespace {

struct HostileFixture : StoreFixture {
  fs::path outside = folder.path() / "outside";

  HostileFixture() { os::create_directories(outside); }
};

}  // namespace

TEST_CASE_FIXTURE(HostileFixture, "hostile store: a link in the place of a folder is refused") {
  for (const char* name : {"blobs", "blobs/sha256", "ingest", "leases"}) {
    CAPTURE(name);
    const auto other = folder.path() / "other";
    ImageStore::open(other);
    fs::remove_all(other / name);
    fs::create_directory_symlink(outside, other / name);
    check_error(Errc::failed_precondition, {name, "symlink"}, [&] { ImageStore::open(other); });
    CHECK(file_count(outside) == 0);
    fs::remove_all(other);
  }
  fs::create_directory_symlink(outside, root / "blobs/sha512");
  const Descriptor sha512{"a/b", digest_of("x", DigestAlgorithm::sha512), ByteSize(1)};
  check_error(Errc::failed_precondition, {"sha512", "symlink"},
              [&] { Ingest::begin(store, sha512, Ingest::Existing::keep, {}); });
}

TEST_CASE_FIXTURE(HostileFixture, "hostile store: a link in the place of a blob is not followed") {
  const Image tagged = tag("r.io/app:1");
  const TestBlob& layer = image.layers[0];
  const auto path = store.blob_path(layer.digest());
  os::write_file_atomically(outside / "secret", layer.content);
  fs::remove(path);
  fs::create_symlink(outside / "secret", path);

  CHECK_FALSE(has(layer));
  CHECK_FALSE(store.verify_blob(descriptor(layer)));
  check_error(Errc::data_corruption, {layer.digest().hex().c_str(), "symlink"},
              [&] { store.open_blob(descriptor(layer)); });
  check_error(Errc::not_found, {"pull the image again"}, [&] {
    store.resolve("r.io/app:1", {"linux", "amd64"});
  });
  const VerifyReport report = verify(store);
  REQUIRE(report.bad.size() == 1);
  CHECK(report.bad[0].problem == BadBlob::Problem::damaged);

  SUBCASE("a new blob takes its place") {
    put(image);
  }
  SUBCASE("repair removes it, not what it leads to") {
    CHECK(repair(store).removed_blobs.size() == 1);
    CHECK_FALSE(fs::exists(fs::symlink_status(path)));
    put(image);
  }
  CHECK(has(layer));
  CHECK(verify(store).clean());
  CHECK(os::read_file(outside / "secret", 1_MiB) == layer.content);
}

TEST_CASE_FIXTURE(HostileFixture, "hostile store: what stands for index.json is never waited for") {
  const auto index = root / "index.json";
  fs::rename(index, outside / "index.json");
  SUBCASE("a link") {
    fs::create_symlink(outside / "index.json", index);
  }
  SUBCASE("a dangling link") {
    fs::create_symlink("/nowhere", index);
  }
  SUBCASE("a link to what has no end") {
    fs::create_symlink("/dev/zero", index);
  }
  SUBCASE("a fifo") {
    REQUIRE(::mkfifo(index.c_str(), 0600) == 0);
  }
  SUBCASE("a folder") {
    fs::create_directory(index);
  }
  SUBCASE("a file without end") {
    os::File::open(index, os::File::Mode::create).resize(ByteSize(std::uint64_t(1) << 40));
  }
  ImageStore opened = ImageStore::open(root);
  CHECK_THROWS_AS(opened.list(), Error);
  CHECK_THROWS_AS(opened.find("x"), Error);
  CHECK_THROWS_AS(collect_garbage(opened), Error);
  CHECK_THROWS_AS(verify(opened), Error);
  CHECK_THROWS_AS(opened.remove(Reference::parse("x")), Error);
}

TEST_CASE_FIXTURE(HostileFixture, "hostile store: the kinds of error") {
  const auto index = root / "index.json";
  fs::remove(index);
  fs::create_symlink(outside / "index.json", index);
  check_error(Errc::data_corruption, {"index.json", "symlink"}, [&] { store.list(); });
  fs::remove(index);
  REQUIRE(::mkfifo(index.c_str(), 0600) == 0);
  check_error(Errc::data_corruption, {"index.json", "regular file"}, [&] { store.list(); });
  fs::remove(index);
  os::File::open(index, os::File::Mode::create).resize(ByteSize(std::uint64_t(1) << 40));
  check_error(Errc::data_corruption, {"index.json", "32 MiB"}, [&] { store.list(); });

  fs::rename(root / "oci-layout", outside / "oci-layout");
  fs::create_symlink(outside / "oci-layout", root / "oci-layout");
  check_error(Errc::data_corruption, {"oci-layout", "symlink"}, [&] { ImageStore::open(root); });
}

TEST_CASE_FIXTURE(HostileFixture, "hostile store: locks and partial downloads are not links") {
  for (const char* name : {".lock", ".collection-lock"}) {
    fs::remove(root / name);
    fs::create_symlink(outside / name, root / name);
  }
  check_error(Errc::invalid_argument, {".lock", "symlink"},
              [&] { store.remove(Reference::parse("x")); });
  check_error(Errc::invalid_argument, {".collection-lock", "symlink"},
              [&] { collect_garbage(store); });
  os::write_file_atomically(outside / "secret", "secret");
  fs::create_symlink(outside / "secret", partial(image.layers[0]));
  check_error(Errc::invalid_argument, {"symlink"}, [&] {
    Ingest::begin(store, descriptor(image.layers[0]), Ingest::Existing::keep, {});
  });
  CHECK(file_count(outside) == 1);
  CHECK(os::read_file(outside / "secret", 1_KiB) == "secret");
}

TEST_CASE_FIXTURE(HostileFixture, "hostile store: other things in its folders are left alone") {
  tag("r.io/app:1");
  const auto blobs = root / "blobs/sha256";
  os::write_file_atomically(blobs / "README", "x");
  fs::create_directory(blobs / std::string(64, 'a'));
  fs::create_symlink("/etc/passwd", blobs / std::string(64, 'b'));
  REQUIRE(::mkfifo((blobs / std::string(64, 'c')).c_str(), 0600) == 0);
  REQUIRE(::mkfifo((root / "leases/fifo").c_str(), 0600) == 0);
  fs::create_symlink("/etc/passwd", root / "leases/link");
  os::write_file_atomically(root / "leases/garbage", "x\nsha256:zz\n");
  fs::create_symlink("/etc/passwd", root / "ingest/link");
  fs::create_directory(root / "blobs/md5");

  ImageStore::open(root);
  CHECK(collect_garbage(store, {.partial_age = {}}).blobs.empty());
  CHECK(usage(store).unreferenced == ByteSize(0));
  CHECK(verify(store).bad.size() == 3);  // what has the name of a blob and is none
  CHECK(fs::exists(blobs / "README"));
}
