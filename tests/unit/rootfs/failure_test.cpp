// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "support/errors.hpp"
#include "unit/rootfs/disk_listing.hpp"

#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct Failure {
  Errc code = Errc::internal;
  std::string message;
};

/// Unpacks, which must fail and leave nothing.
Failure fail(const std::vector<rootfs::Layer>& layers,
             const rootfs::UnpackOptions& options = {.size = 64_MiB},
             const CallOptions& call_options = {}) {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  Failure failure;
  try {
    rootfs::unpack(layers, folder.path() / "disk", options, call_options);
    FAIL("expected an error");
  } catch (const Error& error) {
    failure = {error.code(), error.what()};
  }
  CHECK(fs::is_empty(folder.path()));
  return failure;
}

bool says(const Failure& failure, const std::string& words) {
  if (failure.message.find(words) != std::string::npos) return true;
  MESSAGE(failure.message);
  return false;
}

std::string noise(std::size_t length) {
  std::mt19937 random(3);
  std::string text(length, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

/// Slow and endless: a layer that never comes to its end.
struct Dripping final : Source {
  std::string head;
  explicit Dripping(std::string first) : head(std::move(first)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    if (head.empty()) {
      std::this_thread::sleep_for(5ms);
      buffer[0] = std::byte{0};
      return 1;
    }
    const std::size_t count = std::min(buffer.size(), head.size());
    std::copy_n(reinterpret_cast<const std::byte*>(head.data()), count, buffer.begin());
    head.erase(0, count);
    return count;
  }
};

rootfs::Layer dripping_layer() {
  const std::string head = tar_header({.name = "slow", .size = 1 << 30});
  return {.diff_id = digest_of("never"),
          .open = [head] { return std::make_unique<Dripping>(head); },
          .name = "the slow layer"};
}

}  // namespace

TEST_CASE("unpack failure: a layer that is not the one its diffID names") {
  const std::string tar = tar_of({{.name = "a", .data = "genuine"}});
  const std::string other = tar_of({{.name = "a", .data = "forged!"}});
  rootfs::Layer forged = layer_of(tar, gzip(other), "blob-1");
  const Failure failure = fail({gzip_layer(other), forged});
  CHECK(failure.code == Errc::data_corruption);
  CHECK(says(failure, "layer blob-1: "));
  CHECK(says(failure, "expected " + digest_of(tar).to_string()));
  CHECK(says(failure, "found " + digest_of(other).to_string()));
  // What stands behind the end of the archive counts too.
  CHECK(fail({layer_of(tar, gzip(tar + std::string(512, '\0')))}).code == Errc::data_corruption);
}

TEST_CASE("unpack failure: truncated and garbled layers of every packing, at many places") {
  const std::string tar = tar_of({{.name = "d/", .type = '5'},
                                  {.name = "d/a", .data = noise(20'000)},
                                  {.name = "d/b", .type = '2', .link = "a"},
                                  {.name = "d/c", .data = std::string(30'000, 'c')}});
  std::mt19937 random(5);
  for (const std::string& blob : {tar, gzip(tar), zstd(tar)}) {
    for (std::size_t i = 0; i < 25; ++i) {
      const std::size_t at = random() % blob.size();
      CAPTURE(at);
      CHECK(fail({layer_of(tar, blob.substr(0, at))}).code == Errc::data_corruption);
      std::string garbled = blob;
      garbled[at] = static_cast<char>(garbled[at] ^ (1 << random() % 8));
      // In gzip's header there are bytes that mean nothing.
      if (blob[0] == '\x1f' && at < 10) continue;
      CHECK(fail({layer_of(tar, garbled)}).code == Errc::data_corruption);
    }
  }
}

TEST_CASE("unpack failure: what a source throws comes through, with the layer's name") {
  rootfs::Layer layer = gzip_layer(tar_of({{.name = "a"}}));
  layer.name = "blob-2";
  layer.open = []() -> std::unique_ptr<Source> {
    throw Error(Errc::unauthenticated, "the registry wants a password");
  };
  const Failure failure = fail({layer});
  CHECK(failure.code == Errc::unauthenticated);
  CHECK(failure.message == "layer blob-2: the registry wants a password");
  layer.open = [] { return std::unique_ptr<Source>(); };
  CHECK(fail({layer}).code == Errc::invalid_argument);
}

TEST_CASE("unpack failure: an image that is too small says what is needed") {
  const std::string tar = tar_of(
      {{.name = "first", .data = noise(100'000)}, {.name = "second", .data = noise(20 << 20)}});
  const Failure failure = fail({gzip_layer(tar)}, {.size = 8_MiB});
  CHECK(failure.code == Errc::resource_exhausted);
  CHECK(says(failure, "an image of 8 MiB is too small, at least 20 MiB"));
  CHECK(says(failure, "unpack with a larger size"));
  CHECK(says(failure, "layer sha256:"));
}

TEST_CASE("unpack failure: what fits into no ext4 is not told as too small an image") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  std::string tar = tar_member({.name = "f"});
  for (int i = 0; i < 65'000; ++i) {
    tar += tar_header({.name = std::to_string(i), .type = '1', .link = "f"});
  }
  check_error(Errc::unsupported, {"layer sha256:", "member \"64999\"", "65000 names"}, [&] {
    rootfs::unpack(std::vector{layer_of(tar, tar)}, folder.path() / "disk", {.size = 64_MiB});
  });
}

TEST_CASE("unpack failure: limits for untrusted images") {
  std::vector<TarMember> members;
  for (int i = 0; i < 100; ++i) members.push_back({.name = "f" + std::to_string(i)});
  const Failure entries =
      fail({gzip_layer(tar_of(members))}, {.size = 64_MiB, .limits = {.entries = 99}});
  CHECK(entries.code == Errc::resource_exhausted);
  CHECK(says(entries, "more members than the limit of 99"));
  CHECK_FALSE(entries.message.find("too small") != std::string::npos);

  const std::string bomb = tar_of({{.name = "zeros", .data = std::string(30 << 20, '\0')}});
  const Failure content =
      fail({gzip_layer(bomb)}, {.size = 64_MiB, .limits = {.layer_content = 1_MiB}});
  CHECK(content.code == Errc::resource_exhausted);
  CHECK(says(content, "more content than the limit of 1 MiB"));
  CHECK_FALSE(content.message.find("too small") != std::string::npos);
}

TEST_CASE("unpack failure: a stop ends it soon, a deadline too") {
  StopSource stop;
  std::thread stopper([&] {
    std::this_thread::sleep_for(50ms);
    stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const Failure stopped = fail({dripping_layer()}, {.size = 64_MiB}, {.stop = stop.token()});
  CHECK(std::chrono::steady_clock::now() - start < 2s);
  stopper.join();
  CHECK(stopped.code == Errc::cancelled);
  CHECK(says(stopped, "the slow layer"));
  CHECK(fail({dripping_layer()}, {.size = 64_MiB}, CallOptions{}.with_timeout(50ms)).code ==
        Errc::timeout);
}

TEST_CASE("unpack failure: an exception of the progress callback comes back unchanged") {
  const std::vector<rootfs::Layer> layers = {gzip_layer(tar_of({{.name = "a"}}))};
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  CHECK_THROWS_WITH_AS(
      rootfs::unpack(layers, folder.path() / "disk", {.size = 64_MiB},
                     {.progress = [](const Progress&) { throw std::logic_error("mine"); }}),
      "mine", std::logic_error);
  CHECK(fs::is_empty(folder.path()));
  CHECK_THROWS_WITH_AS(
      rootfs::unpack(layers, folder.path() / "disk", {.size = 64_MiB},
                     {.progress = [](const Progress&) { throw Error(Errc::io, "my own"); }}),
      "my own", Error);
}

TEST_CASE("unpack failure: no layers, a target that is there, a folder that is not") {
  CHECK(fail({}).code == Errc::invalid_argument);
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  const std::vector<rootfs::Layer> layers = {gzip_layer(tar_of({{.name = "a"}}))};
  rootfs::unpack(layers, folder.path() / "disk", {.size = 64_MiB});
  try {
    rootfs::unpack(layers, folder.path() / "disk", {.size = 64_MiB});
    FAIL("expected already_exists");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::already_exists);
  }
  try {
    rootfs::unpack(layers, folder.path() / "no" / "disk", {.size = 64_MiB});
    FAIL("expected not_found");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::not_found);
  }
}

TEST_CASE("unpack failure: a host's disk that is full is told as that") {
  // The limit holds for a whole process: a child of ours. It says what happened by its status.
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  const std::vector<rootfs::Layer> layers = {
      gzip_layer(tar_of({{.name = "a", .data = noise(12 << 20)}}))};
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8 << 20, 8 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int status = 1;
    try {
      rootfs::unpack(layers, folder.path() / "disk", {.size = ByteSize(8 << 20)});
    } catch (const Error& error) {
      // The image fits under the limit: it is the image that is too small.
      status = error.native() ? 2 : 0;
    }
    if (status == 0) {
      try {
        rootfs::unpack(layers, folder.path() / "disk", {.size = 64_MiB});
        status = 3;
      } catch (const Error& error) {
        const bool told = error.code() == Errc::resource_exhausted && error.native() &&
                          std::string(error.what()).find("too small") == std::string::npos;
        status = told ? 0 : 4;
      }
    }
    ::_exit(status);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(fs::is_empty(folder.path()));
}
