// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "oci/archive/docker_archive.hpp"
#include "oci/archive/spooled_archive.hpp"
#include "oci/store/file_stream.hpp"
#include "oci/store/image_blobs.hpp"
#include "oci/store/layout_index.hpp"
#include "oci/store/store_layout.hpp"
#include "os/atomic_file.hpp"
#include "os/directory.hpp"

#include <vmkit/archive/compression.hpp>
#include <vmkit/archive/tar_writer.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/oci/image_archive.hpp>
#include <vmkit/oci/lease.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t copy_size = 256 * 1024;

/// What an exported layout or archive consists of.
class ExportTarget {
 public:
  virtual ~ExportTarget() = default;
  virtual void folder(const std::string& name) = 0;
  virtual void begin(const std::string& name, std::uint64_t size) = 0;
  virtual void write(std::span<const std::byte> data) = 0;
  virtual void end() = 0;

  void text(const std::string& name, std::string_view content) {
    begin(name, content.size());
    write(std::as_bytes(std::span(content)));
    end();
  }
};

class TarTarget final : public ExportTarget {
 public:
  explicit TarTarget(Sink& sink) : tar_(sink) {}

  void folder(const std::string& name) override {
    tar_.add({.path = name + '/', .type = archive::EntryType::directory, .permissions = 0755});
  }
  void begin(const std::string& name, std::uint64_t size) override {
    tar_.add({.path = name, .permissions = 0644, .size = size});
  }
  void write(std::span<const std::byte> data) override { tar_.write(data); }
  void end() override {}
  void finish() { tar_.finish(); }

 private:
  archive::TarWriter tar_;
};

/// A folder that nobody else knows yet.
class FolderTarget final : public ExportTarget {
 public:
  explicit FolderTarget(std::filesystem::path root) : root_(std::move(root)) { folder({}); }

  void folder(const std::string& name) override {
    const auto path = name.empty() ? root_ : root_ / name;
    os::create_directories(path);
    folders_.push_back(path);
  }
  void begin(const std::string& name, std::uint64_t) override {
    file_.emplace(os::File::open(root_ / name, os::File::Mode::create_new));
    length_ = 0;
  }
  void write(std::span<const std::byte> data) override {
    file_->write_at(length_, data);
    length_ += data.size();
  }
  void end() override {
    file_->sync();
    file_.reset();
  }
  void finish() {
    for (const auto& path : folders_) os::sync_directory(path);
  }

 private:
  std::filesystem::path root_;
  std::vector<std::filesystem::path> folders_;
  std::optional<os::File> file_;
  std::uint64_t length_ = 0;
};

/// Calls `take` with all bytes of `source`.
void read_through(Source& source, const std::string& what, const CallOptions& options,
                  const std::function<void(std::span<const std::byte>)>& take) {
  std::vector<std::byte> buffer(copy_size);
  for (;;) {
    options.check("export " + what);
    const std::size_t count = source.read(buffer);
    if (count == 0) return;
    take(std::span(buffer).first(count));
  }
}

void copy_blob(const ImageStore& store, const Descriptor& blob, const std::string& name,
               ExportTarget& target, const CallOptions& options) {
  const std::string subject = blob.digest.to_string();
  ProgressMeter meter(options.progress, "export", subject, ProgressUnit::bytes, blob.size.bytes());
  const auto source = store.open_blob(blob);
  target.begin(name, blob.size.bytes());
  // Reading to the end verifies it.
  read_through(*source, subject, options, [&](std::span<const std::byte> data) {
    target.write(data);
    meter.add(data.size());
  });
  target.end();
  meter.flush();
}

void export_layout(const ImageStore& store, const std::vector<Image>& images, ExportTarget& target,
                   const CallOptions& options) {
  LayoutIndex index;
  // Documents before layers: a reader of a stream then knows early what it needs.
  std::map<Digest, Descriptor> manifests, configs, layers;
  std::set<DigestAlgorithm> algorithms;
  for (const Image& image : images) {
    index.put({image.reference.to_string(), image.descriptor});
    manifests.emplace(image.descriptor.digest, image.descriptor);
    configs.emplace(image.manifest.config.digest, image.manifest.config);
    for (const Descriptor& layer : image.manifest.layers) layers.emplace(layer.digest, layer);
  }
  target.text(std::string(layout::marker), layout::marker_content);
  target.text(std::string(layout::index), index.document().dump());
  target.folder(std::string(layout::blobs));
  std::set<Digest> written;
  for (const auto* blobs : {&manifests, &configs, &layers}) {
    for (const auto& [digest, blob] : *blobs) {
      if (!written.insert(digest).second) continue;
      if (algorithms.insert(digest.algorithm()).second) {
        target.folder(std::string(layout::blobs) + '/' +
                      std::string(to_string(digest.algorithm())));
      }
      copy_blob(store, blob, blob_name(digest), target, options);
    }
  }
}

/// A layer's tar, verified at its end to be what the configuration says.
void read_layer(const ImageStore& store, const Layer& layer, const CallOptions& options,
                const std::function<void(std::span<const std::byte>)>& take) {
  const std::string subject = layer.descriptor.digest.to_string();
  const auto compression = layer.compression == LayerCompression::gzip ? archive::Compression::gzip
                           : layer.compression == LayerCompression::zstd
                               ? archive::Compression::zstd
                               : archive::Compression::none;
  const auto tar =
      archive::decompress(store.open_blob(layer.descriptor), {.compression = compression});
  Hasher hasher(layer.diff_id.algorithm());
  read_through(*tar, subject, options, [&](std::span<const std::byte> data) {
    hasher.update(data);
    take(data);
  });
  if (const Digest found = hasher.finish(); found != layer.diff_id) {
    throw Error(Errc::data_corruption, "layer " + subject + ": expected the diff ID " +
                                           layer.diff_id.to_string() + ", found " +
                                           found.to_string());
  }
}

void write_plain_layer(const ImageStore& store, const Layer& layer, const std::string& name,
                       ExportTarget& target, const CallOptions& options) {
  std::uint64_t size = layer.descriptor.size.bytes();
  if (layer.compression != LayerCompression::none) {
    size = 0;
    read_layer(store, layer, options,
               [&](std::span<const std::byte> data) { size += data.size(); });
  }
  ProgressMeter meter(options.progress, "export", layer.descriptor.digest.to_string(),
                      ProgressUnit::bytes, size);
  target.begin(name, size);
  read_layer(store, layer, options, [&](std::span<const std::byte> data) {
    target.write(data);
    meter.add(data.size());
  });
  target.end();
  meter.flush();
}

std::string layer_name(const Layer& layer) {
  return layer.diff_id.hex() + ".tar";
}

void export_docker_archive(const ImageStore& store, const std::vector<Image>& images,
                           ExportTarget& target, const CallOptions& options) {
  std::vector<DockerArchiveImage> entries;
  std::map<std::string, std::size_t> by_config;
  std::map<std::string, Descriptor> configs;
  std::map<std::string, Layer> tars;
  for (const Image& image : images) {
    const std::string config = image.manifest.config.digest.hex() + ".json";
    const auto [place, added] = by_config.emplace(config, entries.size());
    if (added) {
      entries.push_back({config, {}, {}});
      configs.emplace(config, image.manifest.config);
      for (const Layer& layer : layers(image)) {
        entries.back().layers.push_back(layer_name(layer));
        tars.emplace(layer_name(layer), layer);
      }
    }
    // A tag is all that there is place for.
    if (!image.reference.tag()) continue;
    auto& tags = entries[place->second].tags;
    const std::string tag = image.reference.name() + ':' + *image.reference.tag();
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
  }
  target.text("manifest.json", to_docker_manifest(entries));
  for (const auto& [name, config] : configs) copy_blob(store, config, name, target, options);
  for (const auto& [name, layer] : tars) write_plain_layer(store, layer, name, target, options);
}

struct LeasedImages {
  Lease lease;
  std::vector<Image> images;
};

LeasedImages resolve_all(const ImageStore& store, const std::vector<Reference>& references,
                         const Platform& platform, const CallOptions& options) {
  if (references.empty()) throw Error(Errc::invalid_argument, "export: expected an image");
  LeasedImages result{Lease::begin(store, options), {}};
  for (const Reference& reference : references) {
    auto image = store.resolve(reference, platform);
    if (!image) {
      throw Error(Errc::not_found, "image " + reference.to_string() +
                                       " is not in the store, or not for " +
                                       platform.normalized().to_string());
    }
    result.lease.add(digests_of(image->descriptor, image->manifest), options);
    result.images.push_back(std::move(*image));
  }
  return result;
}

void export_tar(const ImageStore& store, const std::vector<Image>& images, ArchiveFormat format,
                Sink& sink, const CallOptions& options) {
  TarTarget target(sink);
  if (format == ArchiveFormat::docker_archive) {
    export_docker_archive(store, images, target, options);
  } else {
    export_layout(store, images, target, options);
  }
  target.finish();
}

void export_folder(const ImageStore& store, const std::vector<Image>& images,
                   const std::filesystem::path& path, const CallOptions& options) {
  const auto parent = path.parent_path().empty() ? std::filesystem::path(".") : path.parent_path();
  const os::TemporaryDirectory temporary(parent, '.' + path.filename().string() + ".tmp");
  // One level down: the temporary folder itself is its maker's alone.
  const auto fresh = temporary.path() / "layout";
  FolderTarget target(fresh);
  export_layout(store, images, target, options);
  target.finish();
  options.check("export " + path.string());
  os::rename_folder(fresh, path);
  os::sync_directory(parent);
}

/// Without the slash at the end that a folder's path may have.
std::filesystem::path plain(const std::filesystem::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

void export_images(const ImageStore& store, const std::vector<Reference>& references, Sink& target,
                   const ExportOptions& export_options, const CallOptions& options) {
  if (export_options.format == ArchiveFormat::oci_layout) {
    throw Error(Errc::invalid_argument,
                "export: a layout folder cannot go into a stream; choose oci_archive");
  }
  const auto leased = resolve_all(store, references, export_options.platform, options);
  export_tar(store, leased.images, export_options.format, target, options);
}

void export_images(const ImageStore& store, const std::vector<Reference>& references,
                   const std::filesystem::path& target, const ExportOptions& export_options,
                   const CallOptions& options) {
  const auto leased = resolve_all(store, references, export_options.platform, options);
  if (export_options.format == ArchiveFormat::oci_layout) {
    export_folder(store, leased.images, plain(target), options);
    return;
  }
  os::AtomicFile file(target);
  FileSink sink(file.file());
  export_tar(store, leased.images, export_options.format, sink, options);
  options.check("export " + target.string());
  file.commit();
}

}  // namespace vmkit::oci
