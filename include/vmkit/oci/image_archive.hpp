// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/image_store.hpp>

// Images into a store and out of it without a registry: docs/formats/archives.md tells the formats.
namespace vmkit::oci {

/// One name that an archive has for one of its images.
struct ArchivedImage {
  /// As the archive writes it: "docker.io/library/alpine:3.22", "alpine:3.22", in a layout often
  /// only a tag ("3.22"); empty if the image has no name. Hostile text.
  std::string name;
  Descriptor manifest;  ///< The one for the wanted platform.
  Platform platform;
};

/// The reference that `archived_name` clearly is, short names read as Docker's; nullopt for one
/// word without ":" or "/" (in a layout that is only a tag) and for what is no reference at all.
std::optional<Reference> reference_of(std::string_view archived_name);

/// Which images of an archive are imported, and under which names.
struct ImportOptions {
  /// Which of an image's variants; also an image for one platform only must fit it.
  Platform platform = Platform::host();
  /// Which images: names as in the archive or in any other spelling of the same reference, or
  /// digests (of what the layout's index names; of the configuration in a docker-archive). Each
  /// must be there. Empty: all images.
  std::vector<std::string> images = {};
  /// The name in the store for the image, which must be the only one that is imported.
  std::optional<Reference> reference = {};
  /// The rule for the names in the store, asked once for each name of each image (once with an
  /// empty one for an image without); nullopt leaves that name out. What it throws comes back to
  /// the caller. Without a rule: reference_of, and a name that it does not know is an error.
  std::function<std::optional<Reference>(const ArchivedImage&)> name_rule = {};
  /// More content than this, decompressed, is an error (resource_exhausted).
  ByteSize size_limit = ByteSize(std::uint64_t{256} << 30);
};

/// Brings images from an archive into the store and names them; returns them as they are there, one
/// for each name. The archive may be an OCI image layout (a folder, or a tar of one) or a
/// docker-archive (a tar as `docker save` writes it, of any age); tars may be compressed as a whole
/// by gzip or zstd. What it is shows in its content. An archive that is both is taken as a layout.
///
/// Images of a layout come as they are, digest by digest, and of an index only the manifest for the
/// platform. An image of a docker-archive has no manifest: it gets an OCI manifest that depends on
/// nothing but the archive's configuration and layers, which are stored as they are, compressed or
/// not; each layer is verified against its diff ID.
///
/// Everything is verified before a name is given, and names come last: on an error the store has
/// none of the images, or all of them and some of the names; nothing else is left behind but
/// complete blobs, if the error came late. Links never lead out of the archive; in a layout there
/// may be none where a file should be.
///
/// Throws data_corruption for whatever is wrong with the archive, naming the entry, what was
/// expected and what was found; not_found, with the names there are, if a wanted image is not in
/// it; invalid_argument for an image without a usable name; unsupported if no variant fits the
/// platform, or for what is neither of the formats; resource_exhausted above the limit.
///
/// Progress has the phase "import"; for a tar the archive as subject (its path; "" for a Source),
/// in bytes as they are read, for a folder each blob's digest.
std::vector<Image> import_images(ImageStore& store, const std::filesystem::path& archive,
                                 const ImportOptions& import_options = {},
                                 const CallOptions& options = {});

/// The same for a tar from a stream, which is read once, to its end, with bounded memory: a pipe
/// will do. Between two reads stop and deadline are looked at; a read that may block long must end
/// by itself.
std::vector<Image> import_images(ImageStore& store, Source& archive,
                                 const ImportOptions& import_options = {},
                                 const CallOptions& options = {});

enum class ArchiveFormat {
  oci_layout,      ///< A folder: an OCI image layout.
  oci_archive,     ///< A tar of one.
  docker_archive,  ///< A tar for `docker load`: manifest.json, configurations, plain layers.
};

/// What an exported archive holds, in which format.
struct ExportOptions {
  ArchiveFormat format = ArchiveFormat::oci_archive;
  /// Where a name leads to an index that another tool stored: the manifest that is taken.
  Platform platform = Platform::host();
};

/// Writes images of the store, with their names, to a new file or folder `target`. It appears whole
/// and durable, or not at all. A file in its place is replaced; a folder only if it is empty:
/// already_exists.
///
/// The bytes depend on nothing but the images and the order of `references`: all times are 0, each
/// blob is written once. A layout has manifests as they are, Docker's media types included. In a
/// docker-archive the layers are decompressed, which is done twice, as a tar tells sizes first.
///
/// Throws not_found for a name that is not in the store, data_corruption for a blob that is not
/// what it should be, unsupported for layers that are not tars. Progress has the phase "export" and
/// each blob's digest, in bytes.
void export_images(const ImageStore& store, const std::vector<Reference>& references,
                   const std::filesystem::path& target, const ExportOptions& export_options = {},
                   const CallOptions& options = {});

/// The same to a stream, for a pipe: not for oci_layout (invalid_argument). On an error the stream
/// ends in the middle. Between two writes stop and deadline are looked at.
void export_images(const ImageStore& store, const std::vector<Reference>& references, Sink& target,
                   const ExportOptions& export_options = {}, const CallOptions& options = {});

}  // namespace vmkit::oci
