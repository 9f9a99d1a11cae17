// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/reference.hpp>
#include <vmkit/oci/registry_options.hpp>

namespace vmkit::oci {

/// A manifest or index as a registry gave it, verified.
struct ManifestDocument {
  Descriptor descriptor;
  std::string content;
};

/// Opens the content of a blob, from a byte of it on. Called in the thread of the call that sends
/// it, more than once if the way breaks; only one source is in use at a time. The source must
/// honour the call's stop itself, and give at least the rest of the blob: more is not read.
using BlobOpener = std::function<std::unique_ptr<Source>(std::uint64_t offset)>;

/// How a blob is uploaded.
struct BlobUploadOptions {
  /// Send pieces of this size, each in a request of its own, for registries or proxies that take no
  /// longer requests; 0: all in one. A registry that wants larger pieces gets those.
  ByteSize chunk_size = ByteSize(0);
  /// A repository of the same registry that may have the blob, to be mounted from there.
  std::optional<Reference> mount_from = {};
};

/// How a blob came to be in a repository.
enum class BlobUpload { existed, mounted, uploaded };

/// A bound on what listings give: longer ones are refused.
inline constexpr std::size_t longest_listing = 100'000;

/// Speaks the OCI distribution specification 1.1 (and Docker's registry API, version 2) to any
/// number of registries. Thread-safe: calls of several threads share connections and tokens.
///
/// - A registry's credential goes to that registry's own scheme, host and port and to the token
///   realm that it names, if policy allows it; a redirect or an upload to anywhere else is followed
///   without it, and from https to http not at all.
/// - A token is fetched once for a repository and kind of access, and kept until shortly before it
///   expires. A credential that is refused twice in a row ends the call.
/// - Only the calls under "Writing" change anything on a registry. Each of them may have done its
///   work when it throws unavailable, cancelled or timeout; doing it again does no harm.
/// - Only manifest_digest, fetch_manifest and the fetching of blobs ask mirrors.
///
/// All calls throw: unauthenticated (credentials needed, or refused), permission_denied, not_found,
/// unavailable (not reachable, or overloaded after all attempts), data_corruption (the answer
/// contradicts a digest, a size or itself, or the registry does not accept what it was sent),
/// unsupported, cancelled, timeout. An error leaves the client usable.
class RegistryClient {
 public:
  explicit RegistryClient(RegistryClientOptions options = {});
  RegistryClient(RegistryClient&&) noexcept;
  RegistryClient& operator=(RegistryClient&&) noexcept;
  ~RegistryClient();

  // Reading

  /// Asks only which digest the registry has for `reference`, in one request; nullopt if it does
  /// not tell or has no such manifest: fetch_manifest then tells more.
  std::optional<Digest> manifest_digest(const Reference& reference,
                                        const CallOptions& options = {});

  /// The manifest or index of `reference`, of at most longest_document.
  ManifestDocument fetch_manifest(const Reference& reference, const CallOptions& options = {});

  /// Hands the blob to `sink`, each byte once and in order, whatever breaks and is resumed on the
  /// way; never more than descriptor.size bytes. The digest is verified at the end: until this
  /// returns nothing is sure about the bytes. A mirror that gave wrong ones is not asked again.
  void fetch_blob(const Reference& repository, const Descriptor& descriptor, Sink& sink,
                  const CallOptions& options = {});

  /// The same from the byte `offset` on, for a caller who has the bytes before and verifies the
  /// digest of all: here it is not.
  void fetch_rest_of_blob(const Reference& repository, const Descriptor& descriptor,
                          std::uint64_t offset, Sink& sink, const CallOptions& options = {});

  /// Whether the repository has the blob; data_corruption if it has it with another size.
  bool has_blob(const Reference& repository, const Descriptor& descriptor,
                const CallOptions& options = {});

  /// Whether `reference`, its tag if it has one, leads to the manifest `digest`. What a push asks
  /// before anything else: with the access that the push needs.
  bool has_manifest(const Reference& reference, const Digest& digest,
                    const CallOptions& options = {});

  // Listing: resource_exhausted if there is more than longest_listing, or no end of pages.

  /// All tags of a repository, in the registry's order.
  std::vector<std::string> list_tags(const Reference& repository, const CallOptions& options = {});

  /// All repositories of a registry (as a Reference names it: "localhost:5000") that it wants to
  /// show; few public ones do.
  std::vector<std::string> catalog(const std::string& registry, const CallOptions& options = {});

  /// What refers to the manifest with the digest of `subject` (signatures, lists of materials), of
  /// one artifact type or, if that is empty, of all. A registry without the call for that is asked
  /// for the tag ALGORITHM-HEX that the specification has instead.
  std::vector<Descriptor> referrers(const Reference& subject, std::string_view artifact_type = {},
                                    const CallOptions& options = {});

  // Writing

  /// Brings a blob into the repository, unless it is there. What breaks on the way goes on where
  /// the registry says, or starts over where it does not. The registry verifies the digest:
  /// data_corruption if it finds another one. Whatever fails, the repository has the blob or has it
  /// not; what was sent of it the registry is told to forget, if there is time for that.
  BlobUpload push_blob(const Reference& repository, const Descriptor& descriptor,
                       const BlobOpener& open, const BlobUploadOptions& upload_options = {},
                       const CallOptions& options = {});

  /// Stores a manifest or index, under the tag of `reference` if it has one, otherwise under its
  /// digest; if it has a digest, that must be the content's: invalid_argument. Its blobs and
  /// manifests must be in the repository. What names a subject is one of its referrers afterwards,
  /// in the list under the tag ALGORITHM-HEX where the registry keeps none: several requests more.
  Descriptor push_manifest(const Reference& reference, const std::string& media_type,
                           std::string_view content, const CallOptions& options = {});

  /// Deletes the manifest with the digest of `reference`, and so all its tags. Many registries
  /// refuse, with unsupported or permission_denied. A list of referrers under a tag keeps its
  /// entry.
  void delete_manifest(const Reference& reference, const CallOptions& options = {});
  /// Deletes the tag of `reference` alone. Few registries can do that: unsupported.
  void delete_tag(const Reference& reference, const CallOptions& options = {});
  void delete_blob(const Reference& repository, const Digest& digest,
                   const CallOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::oci
