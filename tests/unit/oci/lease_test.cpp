// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <thread>

#include "os/file_lock.hpp"
#include "store_fixture.hpp"

#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/maintenance.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

struct LeaseFixture : StoreFixture {
  std::vector<Digest> digests() const {
    std::vector<Digest> result;
    for (const TestBlob& blob : image.blobs()) result.push_back(blob.digest());
    return result;
  }

  std::size_t collect() { return collect_garbage(store, {.partial_age = 0s}).blobs.size(); }
};

}  // namespace

TEST_CASE_FIXTURE(LeaseFixture, "lease: keeps blobs that have no name, until it ends") {
  {
    Lease lease = Lease::begin(store);
    lease.add(digests());  // before they are there
    put(image);
    os::write_file_atomically(partial(image.layers[0]), "begun");
    CHECK(collect() == 0);
    CHECK(std::filesystem::exists(partial(image.layers[0])));
    Lease moved = std::move(lease);
    CHECK(collect() == 0);
  }
  CHECK(file_count(root / "leases") == 0);
  CHECK(collect() == 3);
  CHECK_FALSE(has(image.layers[0]));
  CHECK_FALSE(std::filesystem::exists(partial(image.layers[0])));
}

TEST_CASE_FIXTURE(LeaseFixture, "lease: of an image that loses its name while it is used") {
  const Image tagged = tag("r.io/app:1");
  {
    const Lease lease = Lease::of(store, tagged);
    store.remove(tagged.reference);
    CHECK(collect() == 0);
    CHECK(store.verify_blob(tagged.manifest.layers[0]));
  }
  CHECK(collect() == 3);
  check_error(Errc::not_found, {"r.io/app:1"}, [&] { Lease::of(store, tagged); });
  CHECK(file_count(root / "leases") == 0);
}

TEST_CASE_FIXTURE(LeaseFixture, "lease: ends with its process, however that ends") {
  put(image);
  const pid_t pid = fork_work([&] {
    Lease lease = Lease::begin(store);
    lease.add(digests());
    os::write_file_atomically(folder.path() / "ready", "");
    for (;;) ::pause();
  });
  while (!std::filesystem::exists(folder.path() / "ready")) std::this_thread::sleep_for(1ms);
  CHECK(collect() == 0);
  ImageStore::open(root);
  CHECK(file_count(root / "leases") == 1);
  ::kill(pid, SIGKILL);
  wait_for(pid);
  ImageStore::open(root);
  CHECK(file_count(root / "leases") == 0);
  CHECK(collect() == 3);
}

TEST_CASE_FIXTURE(LeaseFixture, "lease: waits while garbage is being collected") {
  const pid_t pid = fork_work([&] {
    const auto lock =
        os::FileLock::acquire(root / ".collection-lock", os::FileLock::Kind::exclusive);
    os::write_file_atomically(folder.path() / "ready", "");
    for (;;) ::pause();
  });
  while (!std::filesystem::exists(folder.path() / "ready")) std::this_thread::sleep_for(1ms);
  put(image);
  Lease lease = Lease::begin(store);
  const auto late = CallOptions{}.with_timeout(30ms);
  check_error(Errc::timeout, {".collection-lock"}, [&] { lease.add(digests(), late); });
  check_error(Errc::timeout, {".collection-lock"}, [&] {
    store.tag(Reference::parse("r.io/app:1"), descriptor(image.manifest), {}, late);
  });
  check_error(Errc::timeout, {".collection-lock"}, [&] { collect_garbage(store, {}, late); });
  ::kill(pid, SIGKILL);
  wait_for(pid);
  CHECK(collect() == 3);  // what failed has leased nothing
  lease.add(digests());
  put(image);
  CHECK(collect() == 0);
}

TEST_CASE_FIXTURE(LeaseFixture, "lease: has a limit, and is as before when that is met") {
  Lease lease = Lease::begin(store);
  put(image);
  lease.add(digests());
  const std::vector<Digest> many(250'000, image.manifest.digest());
  check_error(Errc::resource_exhausted, {"16 MiB"}, [&] { lease.add(many); });
  CHECK(collect() == 0);
}
