// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// Keeps blobs in a store while they have no name yet, or might lose it: collect_garbage(), in any
/// process, removes none that a lease has. A pull holds one from before its first look for a blob
/// until its image is tagged; who unpacks an image holds one until that is done.
///
/// A lease ends with the object, and with the process however it ends: nothing has to be cleaned
/// up, and nothing is kept for ever by accident. What is to stay longer gets a name: tag() is the
/// lasting lease.
///
/// Who adds blobs by hand does it in this order, so that there is never a moment in which a blob is
/// there and free to be removed:
///
///     Lease lease = Lease::begin(store);
///     lease.add(digests);                 // first
///     store.put_blob(…);                  // or see that it is there
///     store.tag(reference, manifest);
///     // the lease ends
///
/// Thread-compatible; move-only.
class Lease {
 public:
  /// An empty lease.
  static Lease begin(const ImageStore& store, const CallOptions& options = {});

  /// A lease of an image's manifest, configuration and layers, all of which are in the store when
  /// it returns: not_found, naming the blob, if one is not there any more.
  static Lease of(const ImageStore& store, const Image& image, const CallOptions& options = {});

  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();

  /// When it returns, what is there of these blobs stays, and so does what comes later. Waits while
  /// garbage is being collected. On an error the lease is as before.
  void add(std::span<const Digest> digests, const CallOptions& options = {});
  /// The same for an image's manifest, configuration and layers, there or not.
  void add(const Image& image, const CallOptions& options = {});

 private:
  struct Impl;
  explicit Lease(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::oci
