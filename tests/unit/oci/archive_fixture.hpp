// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "os/file.hpp"
#include "support/memory_source.hpp"
#include "support/tar_text.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_image.hpp"

#include <vmkit/oci/image_archive.hpp>

namespace vmkit::test {

/// Takes what is written.
class MemorySink final : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    content.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  std::string content;
};

/// A store to import into, and archives made by hand.
struct ArchiveFixture {
  os::TemporaryDirectory folder = temporary_directory();
  std::filesystem::path root = folder.path() / "store";
  oci::ImageStore store = oci::ImageStore::open(root);
  oci::ImportOptions amd64{.platform = oci::Platform::parse("linux/amd64")};

  using Files = std::vector<std::pair<std::string, std::string>>;

  static std::string tar_of(const Files& files) {
    std::string tar;
    for (const auto& [name, content] : files) tar += tar_member({.name = name, .data = content});
    return tar + tar_end();
  }

  static std::string blob_path(const TestBlob& blob) {
    return "blobs/sha256/" + blob.digest().hex();
  }

  static std::string index_entry(const TestBlob& manifest, const std::string& name,
                                 const std::string& more = {}) {
    return manifest.descriptor(
        more + (name.empty()
                    ? ""
                    : R"(,"annotations":{"org.opencontainers.image.ref.name":")" + name + "\"}"));
  }

  static std::string index_json(const std::vector<std::string>& entries) {
    std::string text = R"({"schemaVersion":2,"manifests":[)";
    for (std::size_t i = 0; i < entries.size(); ++i) text += (i == 0 ? "" : ",") + entries[i];
    return text + "]}";
  }

  /// A layout with one image, as files in the order in which skopeo writes them.
  static Files layout_files(const TestImage& image, const std::string& name) {
    Files files;
    for (const TestBlob& blob : image.blobs()) files.emplace_back(blob_path(blob), blob.content);
    files.emplace_back("index.json", index_json({index_entry(image.manifest, name)}));
    files.emplace_back("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    return files;
  }

  std::vector<oci::Image> import_text(const std::string& archive, oci::ImportOptions options,
                                      const CallOptions& call = {}) {
    MemorySource source(archive, 10'000);
    return oci::import_images(store, source, options, call);
  }
  std::vector<oci::Image> import_text(const std::string& archive) {
    return import_text(archive, amd64);
  }

  std::string export_text(const std::vector<oci::Reference>& references,
                          oci::ArchiveFormat format = oci::ArchiveFormat::oci_archive) {
    MemorySink sink;
    oci::export_images(store, references, sink, {.format = format});
    return sink.content;
  }

  std::size_t files_below(const std::string& name) const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / name)) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }

  /// Nothing came in, and nothing was left behind.
  bool is_untouched() const {
    return store.list().empty() && files_below("blobs") == 0 && files_below("ingest") == 0;
  }
};

}  // namespace vmkit::test
