// SPDX-License-Identifier: Apache-2.0
#include "oci/store/index_cache.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include "os/atomic_file.hpp"
#include "store_fixture.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(StoreFixture, "index cache: what has not changed is not parsed again") {
  IndexCache cache(root);
  const auto first = cache.entries();
  CHECK(cache.entries() == first);  // compared by content
  std::this_thread::sleep_for(2100ms);
  CHECK(cache.entries() == first);
  CHECK(cache.entries() == first);  // by its times
  tag("r.io/app:1");
  CHECK(first->records.empty());
  CHECK(cache.entries()->records.size() == 1);
}

TEST_CASE_FIXTURE(StoreFixture, "index cache: changes of the same size within one tick are seen") {
  put(image);
  const ImageStore copy = store;
  const auto content = [&](int i) {
    return R"({"schemaVersion":2,"manifests":[)" +
           named(image.manifest, "r.io/app:" + std::to_string(100 + i)) + "]}";
  };
  // Linux from 6.13 on gives each change that somebody looks at a time of its own; before, many
  // share one.
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    if (i % 3 == 0) {
      // As other tools may: in place.
      std::ofstream(root / "index.json", std::ios::binary) << content(i);
    } else {
      os::AtomicFile file(root / "index.json");
      const std::string text = content(i);
      file.file().write_at(0, std::as_bytes(std::span(text)));
      file.commit(os::AtomicFile::Existing::replace, os::AtomicFile::Durability::ephemeral);
    }
    const std::string name = "r.io/app:" + std::to_string(100 + i);
    REQUIRE(store.list().at(0).name == name);
    REQUIRE(copy.find(Reference::parse(name)));
  }
}

TEST_CASE_FIXTURE(StoreFixture, "index cache: many threads read while names come and go") {
  tag("r.io/app:always");
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&, own = store] {
      while (!done) {
        CHECK(own.find(Reference::parse("r.io/app:always")));
        CHECK(own.list().size() <= 2);
      }
    });
  }
  ImageStore other = ImageStore::open(root);
  for (int i = 0; i < 20; ++i) {
    const auto name = Reference::parse("r.io/app:" + std::to_string(i));
    other.tag(name, descriptor(image.manifest));
    CHECK(store.find(name));
    other.remove(name);
    CHECK_FALSE(store.find(name));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}
