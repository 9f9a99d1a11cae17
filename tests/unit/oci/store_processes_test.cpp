// SPDX-License-Identifier: Apache-2.0
// Several processes on one store.
#include <atomic>
#include <thread>

#include "worker_fixture.hpp"

using namespace vmkit;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

struct ProcessesFixture : WorkerFixture {
  static void wait_for_all(std::vector<os::ChildProcess>& processes) {
    for (os::ChildProcess& process : processes) {
      CHECK(process.wait(CallOptions{}.with_timeout(60s)).success());
    }
  }

  void pull_at_once(std::size_t count) {
    registry.set_handler([](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.is_blob()) std::this_thread::sleep_for(30ms);  // so that all are under way
      return std::nullopt;
    });
    std::vector<os::ChildProcess> processes;
    while (processes.size() < count) processes.push_back(os::ChildProcess::spawn(puller()));
    wait_for_all(processes);
    CHECK(registry.count("/blobs/") == 3);  // the configuration and two layers
    oci::ImageStore store = check_sound();
    check_complete(store);
  }
};

}  // namespace

TEST_CASE_FIXTURE(ProcessesFixture, "processes: two pull at once and download each blob once") {
  pull_at_once(2);
}

TEST_CASE_FIXTURE(ProcessesFixture, "processes: eight pull at once and download each blob once") {
  pull_at_once(8);
}

TEST_CASE_FIXTURE(ProcessesFixture, "processes: garbage is collected all the time beside pulls") {
  const TestImage other = TestImage::make("amd64", {image.layers[0], noise_layer(30'000, 5)});
  registry.add_image("2", other);
  oci::ImageStore store = oci::ImageStore::open(root);
  std::vector<os::ChildProcess> processes;
  for (const char* tag : {"1", "2", "1"}) {
    const std::string name = registry.address() + "/p" + std::to_string(processes.size());
    processes.push_back(
        os::ChildProcess::spawn(worker({"churn", root.string(), name + "/app:" + tag, "8"})));
  }
  std::atomic<bool> done{false};
  std::size_t collected = 0;
  std::thread collector([&] {
    while (!done) {
      CHECK_NOTHROW(collected += oci::collect_garbage(store, {.partial_age = 0s}).blobs.size());
      std::this_thread::sleep_for(3ms);
    }
  });
  wait_for_all(processes);
  done = true;
  collector.join();
  CHECK(collected > 0);
  oci::collect_garbage(store);
  CHECK(file_count(root / "blobs/sha256") == 0);
  check_sound();
}
