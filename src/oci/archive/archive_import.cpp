// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "oci/archive/archive_names.hpp"
#include "oci/archive/docker_archive.hpp"
#include "oci/archive/layout_folder.hpp"
#include "oci/archive/layout_plan.hpp"
#include "oci/archive/spooled_archive.hpp"
#include "oci/document/json.hpp"
#include "oci/store/file_stream.hpp"
#include "oci/store/store_layout.hpp"

#include <vmkit/archive/compression.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/oci/image_archive.hpp>
#include <vmkit/oci/lease.hpp>

namespace vmkit::oci {
namespace {

constexpr std::string_view docker_manifest_name = "manifest.json";

void check_marker(std::string_view content, const std::string& what) {
  const auto json = parse_json(content, what);
  const std::string version = JsonObject(json, what).required_word("imageLayoutVersion");
  if (version.starts_with("1.")) return;
  throw Error(Errc::unsupported,
              what + ": expected image layout version 1.x, found " + version.substr(0, 40));
}

std::vector<Image> tag_all(ImageStore& store, const std::vector<NamedManifest>& images,
                           const CallOptions& options) {
  std::vector<Image> result;
  for (const NamedManifest& image : images) {
    result.push_back(store.tag(image.reference, image.manifest, image.source, options));
  }
  return result;
}

Lease lease_of(const ImageStore& store, const std::set<Digest>& blobs, const CallOptions& options) {
  Lease lease = Lease::begin(store, options);
  lease.add(std::vector<Digest>(blobs.begin(), blobs.end()), options);
  return lease;
}

/// Stores and names the images of a layout whose documents are all known.
std::vector<Image> take_layout(const LayoutPlan& plan, const ArchiveNames& names,
                               ArchiveBlobs& blobs, ImageStore& store, const std::string& archive,
                               const CallOptions& options) {
  const std::vector<NamedManifest> images = names.resolve(plan.images(), archive);
  std::set<Digest> needed;
  for (const NamedManifest& image : images) plan.add_blobs(image.manifest.digest, needed);
  for (const Digest& digest : needed) blobs.check(plan.descriptor(digest));
  const Lease lease = lease_of(store, needed, options);
  for (const Digest& digest : needed) {
    options.check("import " + archive);
    blobs.store(plan.descriptor(digest));
  }
  return tag_all(store, images, options);
}

std::vector<Image> import_folder(ImageStore& store, const std::filesystem::path& path,
                                 const ImportOptions& import_options, const CallOptions& options) {
  LayoutFolder folder(path, store, options);
  const std::string archive = path.string();
  const auto marker = folder.text(layout::marker);
  const auto index = folder.text(layout::index);
  if (!marker || !index) {
    throw Error(Errc::unsupported, archive + ": expected an image layout, found a folder without " +
                                       std::string(!marker ? layout::marker : layout::index));
  }
  check_marker(*marker, (path / layout::marker).string());
  ArchiveNames names(import_options);
  LayoutPlan plan(*index, names, import_options.platform, archive);
  while (!plan.complete()) {
    options.check("import " + archive);
    const Digest next = *plan.awaited().begin();
    plan.give(next, folder.read(plan.descriptor(next)));
  }
  return take_layout(plan, names, folder, store, archive, options);
}

/// A tar on its way in. Whether it is a layout, and what of it is needed, may show at once or only
/// at its end.
class TarImport {
 public:
  TarImport(ImageStore& store, std::string archive, const ImportOptions& import_options,
            const CallOptions& options)
      : store_(store),
        archive_(std::move(archive)),
        import_options_(import_options),
        options_(options),
        names_(import_options),
        files_(store, archive_, options) {}

  std::vector<Image> run(Source& tar) {
    files_.read(
        tar, [this](const std::string& name) { return is_needed(name); },
        [this](const std::string& name) { arrived(name); });
    if (plan_) return take_as_layout();
    if (files_.has(std::string(docker_manifest_name))) return take_as_docker_archive();
    throw Error(Errc::unsupported,
                archive_ +
                    ": expected an image layout or a docker-archive, found neither oci-layout with "
                    "index.json nor manifest.json");
  }

 private:
  bool is_needed(const std::string& name) const {
    if (!plan_) return true;
    const auto digest = digest_of_blob_name(name);
    return digest && (plan_->needs(*digest) || !plan_->complete());
  }

  void arrived(const std::string& name) {
    const std::string marker(layout::marker);
    const std::string index(layout::index);
    if (plan_) {
      if (const auto digest = digest_of_blob_name(name)) feed({*digest});
    } else if ((name == marker || name == index) && files_.has(marker) && files_.has(index)) {
      check_marker(files_.text(marker), files_.entry_text(marker));
      plan_.emplace(files_.text(index), names_, import_options_.platform, archive_);
      feed({plan_->awaited().begin(), plan_->awaited().end()});
    }
  }

  /// Gives the plan these documents, and those that they lead to, as far as they are here.
  void feed(std::vector<Digest> documents) {
    while (!documents.empty()) {
      const Digest digest = std::move(documents.back());
      documents.pop_back();
      if (!plan_->awaited().contains(digest) || !files_.has(digest)) continue;
      for (Digest& next : plan_->give(digest, files_.read(plan_->descriptor(digest)))) {
        documents.push_back(std::move(next));
      }
    }
  }

  std::vector<Image> take_as_layout() {
    // Whatever it still waits for is not in the archive: that is the error.
    for (const Digest& digest : plan_->awaited()) files_.read(plan_->descriptor(digest));
    return take_layout(*plan_, names_, files_, store_, archive_, options_);
  }

  std::vector<Image> take_as_docker_archive() {
    DockerArchive docker(files_, archive_, import_options_.size_limit, options_);
    const auto images = names_.resolve(docker.find(names_, import_options_.platform), archive_);
    std::set<Digest> needed;
    for (const NamedManifest& image : images) docker.add_blobs(image.manifest.digest, needed);
    const Lease lease = lease_of(store_, needed, options_);
    for (const NamedManifest& image : images) docker.store(image.manifest.digest, store_);
    return tag_all(store_, images, options_);
  }

  ImageStore& store_;
  const std::string archive_;
  const ImportOptions& import_options_;
  const CallOptions& options_;
  ArchiveNames names_;
  SpooledArchive files_;
  std::optional<LayoutPlan> plan_;
};

/// The archive's own bytes: counted, and not read on when the call is to end. What the caller's
/// source or callback throws goes through decompression and tar; `failure` keeps it as it was.
class WatchedSource final : public Source {
 public:
  struct State {
    ProgressMeter meter;
    std::exception_ptr failure = {};
  };

  WatchedSource(Source& source, State& state, const std::string& archive,
                const CallOptions& options)
      : source_(source), state_(state), archive_(archive), options_(options) {}

  std::size_t read(std::span<std::byte> buffer) override {
    try {
      options_.check("import " + archive_);
      const std::size_t count = source_.read(buffer);
      state_.meter.add(count);
      return count;
    } catch (...) {
      state_.failure = std::current_exception();
      throw;
    }
  }

 private:
  Source& source_;
  State& state_;
  const std::string& archive_;
  const CallOptions& options_;
};

std::vector<Image> import_tar(ImageStore& store, Source& source, const std::string& subject,
                              ByteSize size, const ImportOptions& import_options,
                              const CallOptions& options) {
  const std::string archive = subject.empty() ? "image archive" : subject;
  WatchedSource::State state{
      {options.progress, "import", subject, ProgressUnit::bytes, size.bytes()}};
  const auto tar =
      archive::decompress(std::make_unique<WatchedSource>(source, state, archive, options),
                          {.output_limit = import_options.size_limit});
  std::vector<Image> images;
  try {
    images = TarImport(store, archive, import_options, options).run(*tar);
  } catch (...) {
    if (state.failure) std::rethrow_exception(state.failure);
    throw;
  }
  state.meter.flush();
  return images;
}

}  // namespace

std::vector<Image> import_images(ImageStore& store, Source& archive,
                                 const ImportOptions& import_options, const CallOptions& options) {
  return import_tar(store, archive, {}, {}, import_options, options);
}

std::vector<Image> import_images(ImageStore& store, const std::filesystem::path& archive,
                                 const ImportOptions& import_options, const CallOptions& options) {
  std::error_code ignored;  // what cannot be looked at cannot be opened either
  if (std::filesystem::is_directory(archive, ignored)) {
    return import_folder(store, archive, import_options, options);
  }
  os::File file = os::File::open(archive, os::File::Mode::read);
  const ByteSize size = file.size();
  FileSource source(std::move(file));
  return import_tar(store, source, archive.string(), size, import_options, options);
}

}  // namespace vmkit::oci
