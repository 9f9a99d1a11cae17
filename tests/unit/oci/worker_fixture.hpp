// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "fault_fixture.hpp"
#include "os/child_process.hpp"

#include <vmkit/oci/maintenance.hpp>

namespace vmkit::test {

/// Workers on a store, their registry, and what must be true of the store whatever happens to them.
struct WorkerFixture {
  TestImage image = TestImage::make("amd64", {noise_layer(40'000, 1), noise_layer(25'000, 2)});
  FaultRegistry registry;
  os::TemporaryDirectory folder{std::filesystem::temp_directory_path(), "vmkit-crash"};
  std::filesystem::path root = folder.path() / "store";
  oci::RegistryClient client{FaultFixture::fast()};
  oci::PullOptions amd64{.platform = {"linux", "amd64"}};

  WorkerFixture() { registry.add_image("1", image); }

  oci::Reference reference(const std::string& tag = "1") const {
    return oci::Reference::parse(registry.address() + "/team/app:" + tag);
  }

  static os::SpawnOptions worker(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), VMKIT_STORE_WORKER);
    return {.arguments = std::move(arguments), .die_with_parent_thread = true};
  }

  os::SpawnOptions puller(const std::string& fault = "none", unsigned at = 0) const {
    return worker({"pull", root.string(), reference().to_string(), fault, std::to_string(at)});
  }

  static os::Output run(const os::SpawnOptions& options) {
    return os::run(options, 64_KiB, CallOptions{}.with_timeout(std::chrono::seconds(60)));
  }

  /// Opens the store: what has a name is complete, what is there is whole, nothing else is left.
  oci::ImageStore check_sound() const {
    oci::ImageStore store = oci::ImageStore::open(root);
    const oci::VerifyReport report = oci::verify(store);
    CHECK(report.clean());
    const std::set<std::string> known = {"oci-layout", "index.json", "blobs",           "ingest",
                                         "leases",     ".lock",      ".collection-lock"};
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
      CAPTURE(entry.path().string());
      CHECK(known.contains(entry.path().filename().string()));
    }
    CHECK(file_count(root / "leases") == 0);
    return store;
  }

  /// The next pull fetches what is not there, from where it stopped, and only that.
  void check_next_pull_resumes() {
    oci::ImageStore store = check_sound();
    struct State {
      bool there;
      std::uintmax_t partial;
    };
    std::vector<std::pair<TestBlob, State>> before;
    for (const TestBlob& blob : image.blobs()) {
      const auto partial = root / "ingest" / ("sha256-" + blob.digest().hex());
      const bool there = std::filesystem::exists(store.blob_path(blob.digest()));
      std::error_code missing;
      const auto size = std::filesystem::file_size(partial, missing);
      before.push_back({blob, {there, missing ? 0 : size}});
    }
    registry.forget_requests();
    oci::pull(client, store, reference(), amd64);
    const auto requests = registry.requests();
    for (const auto& [blob, state] : before) {
      if (blob.digest() == image.manifest.digest()) continue;
      std::vector<std::string> ranges;
      for (const FaultRequest& request : requests) {
        // The killed one's last request may only now have arrived.
        if (request.header("user-agent") == "worker") continue;
        if (request.is_blob() && request.target.find(blob.digest().hex()) != std::string::npos) {
          ranges.push_back(request.header("range"));
        }
      }
      const bool nothing_to_fetch = state.there || state.partial == blob.content.size();
      REQUIRE(ranges.size() == (nothing_to_fetch ? 0 : 1));
      if (nothing_to_fetch) continue;
      CHECK(ranges[0] ==
            (state.partial == 0 ? "" : "bytes=" + std::to_string(state.partial) + "-"));
    }
    check_complete(store);
  }

  void check_complete(oci::ImageStore& store) const {
    const auto found = store.resolve(reference(), {"linux", "amd64"});
    REQUIRE(found);
    CHECK(found->descriptor.digest == image.manifest.digest());
    CHECK(file_count(root / "ingest") == 0);
    oci::collect_garbage(store);
    CHECK(file_count(root / "blobs/sha256") == image.blobs().size());
    check_sound();
  }
};

}  // namespace vmkit::test
