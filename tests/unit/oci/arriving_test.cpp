// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "fault_fixture.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

std::string read_all(Source& source) {
  std::string text;
  std::vector<std::byte> buffer(10'000);
  while (const std::size_t count = source.read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return text;
}

std::string read_some(Source& source, std::size_t size) {
  std::string text(size, '\0');
  text.resize(read_full(source, std::as_writable_bytes(std::span(text))));
  return text;
}

/// A gate that opens once.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    CHECK(changed_.wait_for(lock, 20s, [&] { return open_; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

struct ArrivingFixture : FaultFixture {
  Image pull_with(const PullOptions& options, const CallOptions& call = {}) {
    RegistryClient client(fast());
    return oci::pull(client, store, reference(), options, call);
  }
  PullOptions consuming(std::function<void(const Image&, ArrivingLayers&)> consume) const {
    PullOptions options = amd64;
    options.consume = std::move(consume);
    return options;
  }
  /// The large layer stops after `size` bytes until the gate opens, and comes from there then.
  void hold_large_layer_after(std::size_t size, Gate& gate) {
    registry.set_handler(
        [this, size, &gate](const FaultRequest& request) -> std::optional<FaultResponse> {
          if (request.target.find(image.layers[1].digest().hex()) == std::string::npos) {
            return std::nullopt;
          }
          FaultResponse response = registry.honest(request);
          if (request.header("range").empty()) {
            response.cut_after = size;
          } else {
            gate.wait();
          }
          return response;
        });
  }
};

}  // namespace

TEST_CASE_FIXTURE(ArrivingFixture, "arriving: a layer is read before all of it is here") {
  Gate gate;
  hold_large_layer_after(1'000'000, gate);
  int calls = 0;
  const Image pulled = pull_with(consuming([&](const Image& seen, ArrivingLayers& layers) {
    ++calls;
    CHECK(seen.descriptor.digest == image.manifest.digest());
    CHECK(store.list().empty());  // it has no name yet
    const auto source = layers.open(seen.manifest.layers[1]);
    CHECK(read_some(*source, 1'000'000) == image.layers[1].content.substr(0, 1'000'000));
    CHECK_FALSE(store.has_blob(seen.manifest.layers[1]));
    gate.open();
    CHECK(read_all(*source) == image.layers[1].content.substr(1'000'000));
    CHECK(store.has_blob(seen.manifest.layers[1]));
    // Twice, and another: as often as wanted.
    CHECK(read_all(*layers.open(seen.manifest.layers[1])) == image.layers[1].content);
    CHECK(read_all(*layers.open(seen.manifest.layers[0])) == image.layers[0].content);
    check_error(Errc::not_found, {"is no layer of"}, [&] { layers.open(seen.descriptor); });
  }));
  CHECK(calls == 1);
  check_complete();

  // The next time nothing comes, and it is read all the same.
  pull_with(consuming([&](const Image& seen, ArrivingLayers& layers) {
    ++calls;
    CHECK(read_all(*layers.open(seen.manifest.layers[1])) == image.layers[1].content);
  }));
  CHECK(calls == 2);
}

TEST_CASE_FIXTURE(ArrivingFixture, "arriving: what remains of an earlier pull, even if it is bad") {
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (!request.is_blob()) return std::nullopt;
    FaultResponse response = registry.honest(request);
    response.cut_after = 100'000;
    return response;
  });
  auto once = fast();
  once.retry.attempts = 1;
  check_error(Errc::unavailable, {}, [&] { pull(once); });
  registry.set_handler({});
  for (const auto& entry : std::filesystem::directory_iterator(store.root() / "ingest")) {
    auto file = os::File::open(entry.path(), os::File::Mode::read_write);
    const std::byte wrong[] = {std::byte{1}, std::byte{2}};
    file.write_at(50, wrong);
  }
  pull_with(consuming([&](const Image& seen, ArrivingLayers& layers) {
    for (int i = 0; i < 2; ++i) {
      const auto index = static_cast<std::size_t>(i);
      CHECK(read_all(*layers.open(seen.manifest.layers[index])) == image.layers[index].content);
    }
  }));
  check_complete();
}

TEST_CASE_FIXTURE(ArrivingFixture, "arriving: a layer with wrong bytes has no end") {
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (!request.is_blob()) return std::nullopt;
    FaultResponse response = registry.honest(request);
    if (response.body.size() > 1'000'000) response.body.back() ^= 1;
    return response;
  });
  bool told = false;
  check_error(Errc::data_corruption, {"/team/app:1", "its content has the digest"}, [&] {
    pull_with(consuming([&](const Image& seen, ArrivingLayers& layers) {
      const auto source = layers.open(seen.manifest.layers[1]);
      try {
        read_some(*source, image.layers[1].content.size());
        read_all(*source);
      } catch (const Error& error) {
        told = error.code() == Errc::cancelled;
        throw;
      }
    }));
  });
  CHECK(told);
  check_nothing_visible();
}

TEST_CASE_FIXTURE(ArrivingFixture, "arriving: a registry that fails ends who waits") {
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    FaultResponse response = registry.honest(request);
    if (request.is_blob() && response.body.size() > 1'000'000) return FaultResponse{.status = 403};
    return std::nullopt;
  });
  check_error(Errc::permission_denied, {"/team/app:1", "403"}, [&] {
    pull_with(consuming([&](const Image& seen, ArrivingLayers& layers) {
      read_all(*layers.open(seen.manifest.layers[1]));
      FAIL("it was never there");
    }));
  });
  check_nothing_visible(false);
}

TEST_CASE_FIXTURE(ArrivingFixture, "arriving: who reads may give up, alone or with the pull") {
  Gate gate;
  hold_large_layer_after(500'000, gate);
  StopSource abandoned;
  std::thread asker([&] {
    while (registry.count(image.layers[1].digest().hex()) < 2) std::this_thread::sleep_for(1ms);
    abandoned.request_stop();
  });
  CHECK_THROWS_WITH_AS(pull_with(consuming([&](const Image& seen, ArrivingLayers& layers) {
                         const auto source =
                             layers.open(seen.manifest.layers[1], abandoned.token());
                         check_error(Errc::cancelled, {"not wanted"}, [&] { read_all(*source); });
                         gate.open();
                         throw std::runtime_error("mine");
                       })),
                       "mine", std::runtime_error);
  asker.join();
  check_nothing_visible(false);
  registry.set_handler({});
  pull();
  check_complete();
}

TEST_CASE_FIXTURE(ArrivingFixture, "inspect: sees the image first, and may refuse it") {
  int asked = 0;
  PullOptions options = consuming([](const Image&, ArrivingLayers&) { FAIL("it was refused"); });
  options.inspect = [&](const Image& seen) {
    ++asked;
    CHECK(seen.reference == reference());
    CHECK(seen.descriptor.digest == image.manifest.digest());
    CHECK(seen.manifest.layers.size() == 2);
    CHECK(seen.platform.architecture == "amd64");
    CHECK(registry.requests().size() == 2);  // manifest and configuration
    throw Error(Errc::permission_denied, "unsigned");
  };
  CHECK_THROWS_WITH_AS(pull_with(options), "unsigned", Error);
  CHECK(asked == 1);
  CHECK(registry.requests().size() == 2);
  check_nothing_visible();

  // Also what is here already.
  pull();
  options.inspect = [&](const Image& seen) {
    ++asked;
    CHECK(seen.descriptor.digest == image.manifest.digest());
    throw Error(Errc::permission_denied, "not any more");
  };
  CHECK_THROWS_WITH_AS(pull_with(options), "not any more", Error);
  CHECK(asked == 2);
}
