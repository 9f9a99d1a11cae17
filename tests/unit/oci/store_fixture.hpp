// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_fixture.hpp"
#include "os/file.hpp"
#include "support/test_image.hpp"

#include <vmkit/oci/image_store.hpp>

namespace vmkit::test {

/// An empty store, and an image to put into it.
struct StoreFixture {
  os::TemporaryDirectory folder{std::filesystem::temp_directory_path(), "vmkit-oci"};
  std::filesystem::path root = folder.path() / "store";
  oci::ImageStore store = oci::ImageStore::open(root);
  TestImage image = TestImage::make("amd64", {noise_layer(100'000, 1)});

  static oci::Descriptor descriptor(const TestBlob& blob) {
    return {blob.media_type, blob.digest(), ByteSize(blob.content.size())};
  }

  void put(const TestImage& one) {
    for (const TestBlob& blob : one.blobs()) store.put_blob(blob.media_type, blob.content);
  }

  oci::Image tag(const std::string& name) { return tag(name, image); }
  oci::Image tag(const std::string& name, const TestImage& one) {
    put(one);
    return store.tag(oci::Reference::parse(name), descriptor(one.manifest));
  }

  /// Replaces index.json by one with these entries.
  void write_index(const std::string& entries) const {
    os::write_file_atomically(root / "index.json",
                              R"({"schemaVersion":2,"manifests":[)" + entries + "]}");
  }

  static std::string named(const TestBlob& blob, const std::string& name) {
    return blob.descriptor(R"(,"annotations":{"org.opencontainers.image.ref.name":")" + name +
                           "\"}");
  }

  std::string read_index() const { return os::read_file(root / "index.json", 1_MiB); }

  bool has(const TestBlob& blob) const { return store.has_blob(descriptor(blob)); }

  std::filesystem::path partial(const TestBlob& blob) const {
    return root / "ingest" / ("sha256-" + blob.digest().hex());
  }
};

/// Runs `work` in a child process, which ends without cleaning up.
inline pid_t fork_work(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid != 0) return pid;
  try {
    work();
    ::_exit(0);
  } catch (...) {
    ::_exit(1);
  }
}

inline int wait_for(pid_t pid) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return status;
}

}  // namespace vmkit::test
