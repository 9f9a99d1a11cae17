// SPDX-License-Identifier: Apache-2.0
// A pull that ends at any of its system calls. What is marked with skip() is exhaustive and takes
// minutes: scripts/crash-test runs it.
#include <csignal>
#include <random>
#include <thread>

#include "worker_fixture.hpp"

using namespace vmkit;
using namespace vmkit::test;

namespace {

const os::ExitStatus killed{.code = 0, .signal = SIGKILL};

struct CrashFixture : WorkerFixture {
  unsigned ran = 0;

  /// Lets a fresh pull fail at its calls `first`, `first` + `step`, … until one comes through.
  void fail_at_each(const std::string& fault, unsigned first, unsigned step,
                    const std::function<void(const os::Output&)>& check) {
    for (unsigned at = first;; at += step, ++ran) {
      CAPTURE(fault);
      CAPTURE(at);
      prepare();
      const os::Output output = run(puller(fault, at));
      CAPTURE(output.out);
      if (output.status.success() && calls_of(output) < at) break;
      check(output);
      check_next_pull_resumes();
    }
    MESSAGE(fault, ": failed at ", ran, " calls");
  }

  static unsigned calls_of(const os::Output& output) {
    REQUIRE(output.out.starts_with("ok "));
    return static_cast<unsigned>(std::stoul(output.out.substr(3)));
  }

  virtual void prepare() { std::filesystem::remove_all(root); }
  virtual ~CrashFixture() = default;

  void kill_at_each(const std::string& fault, unsigned first, unsigned step) {
    fail_at_each(fault, first, step,
                 [](const os::Output& output) { CHECK(output.status == killed); });
  }

  void refuse_at_each(const std::string& fault, Errc code, unsigned first, unsigned step) {
    fail_at_each(fault, first, step, [&](const os::Output& output) {
      // Some calls only tidy up or hint; without them the pull still succeeds.
      if (output.status.success()) return;
      CHECK(output.status.code == 3);
      CHECK(output.out.starts_with(to_string(code)));
      // It says where.
      CHECK(output.out.find(root.string()) != std::string::npos);
      // The name is there only if just the last sync has failed; then it is complete.
      if (oci::ImageStore::open(root).find(reference())) {
        CHECK(output.out.find("sync folder " + root.string() + ":") != std::string::npos);
      }
    });
  }

  void kill_at_random(int rounds) {
    std::mt19937 random(7);
    prepare();
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(run(puller()).status.success());
    const auto whole = std::chrono::steady_clock::now() - start;
    int died = 0;
    for (int round = 0; round < rounds; ++round) {
      prepare();
      auto process = os::ChildProcess::spawn(puller());
      std::this_thread::sleep_for(whole * (random() % 1000) / 1000);
      process.kill(SIGKILL);
      if (process.wait() == killed) ++died;
      check_next_pull_resumes();
    }
    MESSAGE(died, " of ", rounds, " pulls were killed");
    CHECK(died > rounds / 2);
  }
};

/// The name leads to another image before, which shares a layer.
struct UpdateFixture : CrashFixture {
  TestImage old = TestImage::make("amd64", {image.layers[0], noise_layer(10'000, 3)});

  void prepare() override {
    CrashFixture::prepare();
    registry.add_image("1", old);
    oci::ImageStore store = oci::ImageStore::open(root);
    oci::pull(client, store, reference(), amd64);
    registry.add_image("1", image);
  }
};

struct LargeFixture : CrashFixture {
  LargeFixture() {
    image = TestImage::make("amd64", {noise_layer(300'000, 1), noise_layer(200'000, 2),
                                      noise_layer(1'000, 3), noise_layer(100'000, 4)});
    registry.add_image("1", image);
  }
};

}  // namespace

TEST_CASE_FIXTURE(CrashFixture, "crash: a first pull killed at each call") {
  kill_at_each("kill", 1, 1);
  CHECK(ran > 40);
}

TEST_CASE_FIXTURE(UpdateFixture, "crash: an update killed at calls") {
  kill_at_each("kill", 1, 2);
  CHECK(ran > 8);
}

TEST_CASE_FIXTURE(CrashFixture, "crash: killed in the middle of writes") {
  kill_at_each("torn", 1, 4);
}

TEST_CASE_FIXTURE(CrashFixture, "crash: the disk is full at calls") {
  refuse_at_each("full_disk", Errc::resource_exhausted, 1, 4);
}

TEST_CASE_FIXTURE(CrashFixture, "crash: the disk fails at calls") {
  refuse_at_each("io_error", Errc::io, 3, 4);
}

TEST_CASE_FIXTURE(CrashFixture, "crash: killed at random moments") {
  kill_at_random(20);
}

TEST_CASE_FIXTURE(LargeFixture, "crash, exhaustive: killed at each call" * doctest::skip()) {
  kill_at_each("kill", 1, 1);
}

TEST_CASE_FIXTURE(LargeFixture, "crash, exhaustive: killed in each write" * doctest::skip()) {
  kill_at_each("torn", 1, 1);
}

TEST_CASE_FIXTURE(UpdateFixture, "crash, exhaustive: an update" * doctest::skip()) {
  kill_at_each("kill", 1, 1);
}

TEST_CASE_FIXTURE(LargeFixture, "crash, exhaustive: full disk" * doctest::skip()) {
  refuse_at_each("full_disk", Errc::resource_exhausted, 1, 1);
}

TEST_CASE_FIXTURE(LargeFixture, "crash, exhaustive: failing disk" * doctest::skip()) {
  refuse_at_each("io_error", Errc::io, 1, 1);
}

TEST_CASE_FIXTURE(LargeFixture, "crash, exhaustive: at random moments" * doctest::skip()) {
  kill_at_random(200);
}
