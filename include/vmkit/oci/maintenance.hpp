// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/image_store.hpp>

// What keeps a store small and sound. All of it is safe beside pulls and other users of the store,
// in this and in other processes. Phases of progress are named after the functions.
namespace vmkit::oci {

/// What collect_garbage() spares.
struct GarbageOptions {
  bool dry_run = false;  ///< Only tell.
  /// Spare blobs that were written so shortly ago: for stores into which tools write that know no
  /// leases (skopeo, umoci).
  std::chrono::seconds minimum_age{0};
  /// Partial downloads that nobody has touched for so long go; younger ones may be resumed.
  std::chrono::seconds partial_age = std::chrono::hours(24);
};

/// What collect_garbage() removed, or would remove.
struct GarbageReport {
  /// A blob that no image needs.
  struct Blob {
    Digest digest;
    ByteSize size;
  };
  std::vector<Blob> blobs;            ///< Removed, or with dry_run to be removed; by digest.
  std::vector<std::string> partials;  ///< The same of partial downloads, by file name.
  ByteSize freed;                     ///< The size of all of them.
};

/// Removes blobs that nothing needs, and old partial downloads. A blob is needed if index.json, a
/// lease, or a document that is needed mentions it: manifests of an index, configuration and
/// layers, subjects, whatever an artifact lists; and if it is a manifest whose subject is needed
/// (a referrer). Takes no lock on names or blobs that pulls would wait for, except that a new
/// lease or name waits while blobs are looked through and removed.
///
/// Throws data_corruption, with nothing removed, if a document that is needed is damaged, because
/// then it is not known what it needs: repair() the store. When it is stopped or fails later, only
/// a part of the garbage is gone.
GarbageReport collect_garbage(ImageStore& store, const GarbageOptions& garbage_options = {},
                              const CallOptions& options = {});

/// What one image takes in a store.
struct ImageUsage {
  ImageRecord image;
  ByteSize exclusive;  ///< What removing this name alone would let collect_garbage() free.
  ByteSize shared;     ///< Blobs that other names need as well.
};

/// What a store takes on the disk.
struct StoreUsage {
  ByteSize blobs;         ///< All of them.
  ByteSize unreferenced;  ///< Of these, what no name needs; running pulls may.
  ByteSize partials;      ///< Partial downloads.
  std::vector<ImageUsage> images;
};

/// The sizes of files, as a listing of the folder shows them. Throws data_corruption as
/// collect_garbage() does.
StoreUsage usage(const ImageStore& store, const CallOptions& options = {});

/// A blob that is not as it should be.
struct BadBlob {
  enum class Problem {
    missing,    ///< An image needs it, and it is not there.
    damaged,    ///< Its content does not have its digest, or it is no regular file.
    contested,  ///< It is whole, but a document gives it another size: the document is wrong.
  };
  Digest digest;
  Problem problem;
  /// Those that need it and cannot be used without; of an index, for one of its platforms.
  std::vector<ImageRecord> images;
};

/// An entry of index.json that is not understood, and so is in no list.
struct OddEntry {
  std::size_t position;  ///< In the array "manifests".
  std::string name;      ///< May be empty.
  std::string problem;
};

/// What verify() found.
struct VerifyReport {
  std::size_t blobs = 0;  ///< How many were hashed.
  ByteSize bytes;
  std::vector<BadBlob> bad;  ///< By digest.
  std::vector<OddEntry> odd_entries;

  bool clean() const noexcept { return bad.empty() && odd_entries.empty(); }
};

/// Hashes every blob anew and follows every name. Of a manifest everything must be there; of an
/// index the manifests may be missing, as few tools copy those for all platforms, and so may
/// subjects. Changes nothing. Progress is in bytes over all blobs. Throws data_corruption if
/// index.json as a whole cannot be read.
VerifyReport verify(const ImageStore& store, const CallOptions& options = {});

/// What repair() may give up.
struct RepairOptions {
  /// Also remove the names of images that are not complete. Otherwise they stay, and the next pull
  /// of each fetches what is missing.
  bool remove_incomplete = false;
  /// If index.json cannot be read, put it aside as "index.json.damaged-…" and write a new one. The
  /// names are lost: each image that the blobs still have becomes an entry without a name, so that
  /// collect_garbage() spares it and tag() can name it. Without this such a store is an error.
  bool rebuild_index = false;
};

/// What repair() did.
struct RepairReport {
  VerifyReport found;
  std::vector<Digest> removed_blobs;        ///< Those that were damaged.
  std::vector<ImageRecord> removed_images;  ///< Their names; with remove_incomplete.
  std::filesystem::path damaged_index;      ///< Where it is now, if one was put aside.
};

/// Verifies, and removes damaged blobs, so that a pull fetches them again. Nothing that is whole is
/// removed, and no entry that is merely odd. Throws as verify() does; what was done by then stays.
RepairReport repair(ImageStore& store, const RepairOptions& repair_options = {},
                    const CallOptions& options = {});

}  // namespace vmkit::oci
